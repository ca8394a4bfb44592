"""What is kept of how a campaign came to stand as it does."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import pytest
from histories import NOW, claimed, drawn, failed, finished, lost, offered, running

from hpo.record import events as ev
from hpo.record.state import CampaignState, apply
from hpo.report.chronicle import MOST_LINES, MOST_POINTS, Chronicle, Line, thinned


def told(events: Iterable[ev.Event]) -> Chronicle:
    state, chronicle = CampaignState(), Chronicle()
    for event in events:
        apply(state, event)
        chronicle.follow(event, state)
    return chronicle


def test_the_incumbent_step_by_step_also_where_it_becomes_worse() -> None:
    events: list[ev.Event] = [*running(0, 1, 2), finished(0, 0.5, job_id="0")]
    events += [finished(1, 0.25, job_id="1"), finished(2, 0.75, job_id="2")]
    assert [(step.trial_id, step.error) for step in told(events).incumbents] == [
        (0, 0.5),
        (1, 0.25),
    ]
    failing = [*events, ev.TrialFailed(NOW + 9, 1, "hung", "hung")]
    steps = told(failing).incumbents
    assert (steps[-1].trial_id, steps[-1].error, steps[-1].time) == (0, 0.5, NOW + 9)
    assert steps[-1].seat_seconds == 37.5


def test_no_result_no_incumbent() -> None:
    events = [*running(0), failed(0, job_id="0"), ev.TrialFailed(NOW, 0, "ValueError", "bad")]
    assert told(events).incumbents == []


def test_failures_that_stand_by_cause() -> None:
    events: list[ev.Event] = [*running(0, 1, 2)]
    for trial_id, cause in enumerate(["ValueError", "hung", "ValueError"]):
        events += [failed(trial_id, cause, job_id=str(trial_id))]
        events += [ev.TrialFailed(NOW, trial_id, cause, "bad")]
    assert {cause: [*ids] for cause, ids in told(events).failed.items()} == {
        "ValueError": [0, 2],
        "hung": [1],
    }
    again = [*events, offered(1, 1), offered(0, 1), drawn(3), offered(3), offered_again(3)]
    assert {cause: [*ids] for cause, ids in told(again).failed.items()} == {"ValueError": [2]}


def offered_again(trial_id: int) -> ev.Event:
    return ev.OfferRevoked(NOW, trial_id, 0, 0)


def test_losses_by_cause() -> None:
    events = [*running(0, 1), lost(0, job_id="0"), lost(1, "node_failed", job_id="1")]
    events += [offered(0, 1), claimed(0, "8", 1), ev.LegReturned(NOW, 0, 0, 2)]
    assert told(events).lost_by == {"preempted": 2, "node_failed": 1}


def test_seats_over_time_and_jobs_that_wait_where_somebody_looked() -> None:
    chronicle, state = Chronicle(), CampaignState()

    def follow(*events: ev.Event) -> None:
        for event in events:
            apply(state, event)
            chronicle.follow(event, state)

    follow(*running(0, 1))
    assert [tuple(point) for point in chronicle.seats] == [(NOW, 2, None)], "all at the same time"
    chronicle.look(NOW + 5, 2, 7)
    chronicle.look(NOW + 6, 2, 7)
    follow(finished(0, 0.5, job_id="0"))  # whose clock is behind
    assert [tuple(point) for point in chronicle.seats] == [(NOW, 2, None), (NOW + 5, 1, 7)]
    assert chronicle.seen_running(NOW + 1) == [1]


def test_the_last_lines_are_kept() -> None:
    chronicle = Chronicle()
    for number in range(50):
        chronicle.told(Line(NOW, logging.INFO, str(number)))
    assert [line.text for line in chronicle.lines] == [str(n) for n in range(50 - MOST_LINES, 50)]


@pytest.mark.parametrize(
    ("level", "name"),
    [(logging.INFO, "info"), (logging.WARNING, "warning"), (logging.ERROR, "error")],
)
def test_levels_have_names(level: int, name: str) -> None:
    assert Line(NOW, level, "x").level_name == name


def test_curves_stay_short_and_keep_their_ends() -> None:
    chronicle, state = Chronicle(), CampaignState()
    for number in range(5000):
        chronicle.look(float(number), number % 3, 0)
        apply(state, drawn(number))
        apply(state, offered(number))
        apply(state, claimed(number, str(number)))
        result = finished(number, 1.0 - number / 5000).result
        event = ev.LegFinished(float(number), number, 0, 0, str(number), result)
        apply(state, event)
        chronicle.follow(event, state)
    assert len(chronicle.seats) <= MOST_POINTS
    assert len(chronicle.incumbents) <= MOST_POINTS
    assert (chronicle.seats[0].time, chronicle.seats[-1].time) == (0.0, 4999.0)
    assert chronicle.incumbents[0].trial_id == 0
    assert chronicle.incumbents[-1].trial_id == 4999
    gaps = [b.time - a.time for a, b in zip(chronicle.seats, chronicle.seats[1:], strict=False)]
    assert max(gaps) < 200, "evenly over time"


@pytest.mark.parametrize("most", [3, 10, 200])
def test_points_are_thinned_evenly(most: int) -> None:
    points = [0.0, 0.0, 0.0, *map(float, range(1000))]
    kept = thinned(points, most, lambda point: point)
    assert len(kept) <= most
    assert (kept[0], kept[-1]) == (0.0, 999.0)
    assert thinned(points[:3], 2 + 1, lambda point: point) == [0.0, 0.0, 0.0]
    assert len(thinned([5.0] * 99, most, lambda point: point)) <= max(3, most)
