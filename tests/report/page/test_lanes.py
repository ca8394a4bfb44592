"""Legs in lanes, and what the gaps between them were."""

from __future__ import annotations

import math

import pytest

from hpo.report.page.history import INTERRUPTED, LOST, Leg
from hpo.report.page.lanes import IDLE, MOST_LANES, PREEMPTED, RUNS, STARTING, WAITING, Lanes, lay


def leg(
    trial: int, start: float, end: float = math.inf, job: str = "", how: str = "", cause: str = ""
) -> Leg:
    running = how or ("running" if math.isinf(end) else "finished")
    return Leg(trial, job or f"j{trial}", 0, int(start), start, end, running, cause)


def told(lanes: Lanes) -> list[tuple[int, float, float, str]]:
    return [(part.lane, part.start, part.end, part.kind) for part in lanes.segments]


def test_without_a_leg_there_is_no_lane() -> None:
    assert lay([], [], 0, 100).lanes == 0


def test_legs_at_once_lie_in_several_lanes_and_later_ones_fill_them() -> None:
    lanes = lay([leg(0, 0, 50), leg(1, 0, 30), leg(2, 40, 100)], [], 0, 100)
    assert told(lanes) == [
        (0, 0, 50, RUNS),
        (0, 50, 100, IDLE),
        (1, 0, 30, RUNS),
        (1, 30, 40, IDLE),
        (1, 40, 100, RUNS),
    ]
    assert lanes.seconds == {RUNS: 140, STARTING: 0, WAITING: 0, PREEMPTED: 0, IDLE: 60}


def test_a_job_stays_in_its_lane() -> None:
    legs = [leg(0, 0, 10, "a"), leg(1, 0, 20, "b"), leg(2, 30, 40, "b"), leg(3, 31, 40, "a")]
    lanes = lay(legs, [], 0, 40)
    assert [(p.lane, p.leg.job_id) for p in lanes.segments if p.leg] == [
        (0, "a"),
        (0, "a"),
        (1, "b"),
        (1, "b"),
    ]


@pytest.mark.parametrize(
    ("offers", "kind"),
    [
        ([(0.0, 1)], WAITING),  # and nobody ever took it
        ([(0.0, 1), (45.0, 0)], WAITING),  # for most of the gap
        ([(0.0, 1), (11.0, 0)], IDLE),
        ([(0.0, 0), (100.0, 1)], IDLE),
        ([], IDLE),
    ],
)
def test_a_gap_is_a_wait_where_work_was_offered(offers: list[tuple[float, int]], kind: str) -> None:
    lanes = lay([leg(0, 0, 10), leg(0, 50, 60)], offers, 0, 60)
    assert told(lanes)[1] == (0, 10, 50, kind)


@pytest.mark.parametrize(("how", "cause"), [(LOST, "preempted"), (INTERRUPTED, "")])
def test_after_a_preemption_it_is_one_until_the_trial_goes_on(how: str, cause: str) -> None:
    legs = [leg(0, 0, 10, how=how, cause=cause), leg(1, 0, 40), leg(0, 30, 40, "b")]
    assert told(lay(legs, [], 0, 50))[:3] == [
        (0, 0, 10, RUNS),
        (0, 10, 30, PREEMPTED),
        (0, 30, 40, RUNS),
    ]
    elsewhere = [leg(0, 0, 10, how=how, cause=cause), leg(1, 0, 20), leg(0, 20, 50, "j1")]
    assert told(lay(elsewhere, [], 0, 50))[:3] == [
        (0, 0, 10, RUNS),
        (0, 10, 20, PREEMPTED),
        (0, 20, 50, IDLE),
    ]


@pytest.mark.parametrize(("waiting", "kind"), [({0}, PREEMPTED), ({1}, IDLE)])
def test_what_still_waits_to_go_on_is_waited_for(waiting: set[int], kind: str) -> None:
    legs = [leg(0, 0, 10, how=INTERRUPTED)]  # as one is that its user stopped
    lanes = lay(legs, [], 0, 50, waiting=waiting)
    assert told(lanes)[1] == (0, 10, 50, kind)


def test_a_trial_whose_own_code_lost_it_was_not_preempted() -> None:
    lanes = lay([leg(0, 0, 10, how=LOST, cause="out_of_memory")], [], 0, 50)
    assert told(lanes)[1] == (0, 10, 50, IDLE)


def test_each_leg_begins_with_its_start() -> None:
    lanes = lay([leg(0, 0, 20), leg(1, 20, 23, "j0")], [], 0, 23, start_up_s=5)
    assert told(lanes) == [(0, 0, 5, STARTING), (0, 5, 20, RUNS), (0, 20, 23, STARTING)]


def test_what_runs_is_drawn_to_the_end() -> None:
    assert told(lay([leg(0, 10)], [], 0, 50)) == [(0, 0, 10, IDLE), (0, 10, 50, RUNS)]


def test_thousands_of_legs_become_few_blocks_that_say_how_many() -> None:
    legs = [leg(n, n * 10.0, n * 10.0 + 9, "a") for n in range(20_000)]
    lanes = lay(legs, [], 0, 200_000)
    assert len(lanes.segments) < 2_000
    assert sum(part.legs for part in lanes.segments) == 20_000
    assert lanes.seconds[RUNS] == 180_000
    ends = [part.end for part in lanes.segments]
    assert ends == sorted(ends)


def test_of_hundreds_of_lanes_some_are_drawn() -> None:
    lanes = lay([leg(n, 0, 10) for n in range(300)], [], 0, 10)
    assert (lanes.lanes, lanes.shown, len(lanes.segments)) == (300, MOST_LANES, MOST_LANES)
    assert lanes.seconds[RUNS] == 3000
