"""The fold of the journal: legs, results and leaders over time."""

from __future__ import annotations

import math

import pytest
from histories import COMPLETED, NOW, claimed, drawn, failed, finished, lost, offered

from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.report.page.history import FAILED, FINISHED, INTERRUPTED, LOST, RUNNING, History, follow

GOAL = Goal("loss")


def at(time: float, event: ev.Event) -> ev.Event:
    """The event, told at `time` s after the begin."""
    from dataclasses import replace

    return replace(event, time=NOW + time)


def begun(*events: ev.Event) -> History:
    return follow([ev.CampaignStarted(NOW), drawn(0), drawn(1), *events], GOAL)


def test_a_leg_runs_from_its_claim_to_its_end() -> None:
    history = begun(offered(0), at(5, claimed(0)), at(20, finished(0, elapsed=12.5)))
    (leg,) = history.legs
    assert (leg.start, leg.end, leg.how) == (NOW + 5, NOW + 17.5, FINISHED)
    assert history.latest == NOW + 20


def test_what_still_runs_has_no_end() -> None:
    history = begun(offered(0), at(5, claimed(0)))
    assert (history.legs[0].how, history.legs[0].end) == (RUNNING, math.inf)
    assert history.measured == []
    assert history.incumbents == []


def test_a_manager_that_was_away_learns_late_when_a_leg_began() -> None:
    history = begun(offered(0), at(500, claimed(0)), at(500, finished(0, elapsed=400.0)))
    assert history.legs[0].start == NOW + 100
    assert history.legs[0].end == NOW + 500


@pytest.mark.parametrize(
    ("end", "how", "cause"),
    [
        (failed(0), FAILED, "ValueError"),
        (finished(0, outcome="interrupted", resource=3), INTERRUPTED, ""),
        (lost(0, "preempted"), LOST, "preempted"),
        (finished(0, elapsed=0.0), FINISHED, ""),
    ],
)
def test_legs_end_in_several_ways(end: ev.Event, how: str, cause: str) -> None:
    history = begun(offered(0), at(5, claimed(0)), at(30, end))
    assert (history.legs[0].how, history.legs[0].cause) == (how, cause)
    assert len(history.measured) == (how == FINISHED)


def test_lost_legs_are_counted_by_cause_and_given_back_ones_too() -> None:
    history = begun(
        offered(0),
        at(1, claimed(0)),
        at(2, lost(0, "node_failed")),
        at(3, offered(0, 1)),
        at(4, claimed(0, "8", 1)),
        at(5, ev.LegReturned(NOW, 0, 0, 2)),
        # Of an offer that nobody had taken.
        at(6, ev.LegReturned(NOW, 0, 0, 3)),
    )
    assert history.lost == {"node_failed": 1, "requeued": 1}
    assert [leg.how for leg in history.legs] == [LOST, LOST]


def test_offers_that_nobody_has_taken_are_counted_over_time() -> None:
    history = begun(
        at(1, offered(0)),
        at(2, offered(1)),
        at(3, claimed(0)),
        at(4, ev.OfferRevoked(NOW, 1, 0, 0)),
    )
    assert history.offers == [(NOW + 1, 1), (NOW + 2, 2), (NOW + 3, 1), (NOW + 4, 0)]


def test_leaders_follow_each_other_also_where_one_got_worse() -> None:
    history = begun(
        offered(0),
        claimed(0),
        at(10, finished(0, 0.5)),
        offered(1),
        claimed(1, "8"),
        at(20, finished(1, 0.7, job_id="8")),
        at(25, ev.TrialPaused(NOW, 0)),
        at(26, ev.LegOffered(NOW, 0, 1, 1, 27)),
        at(27, ev.LegClaimed(NOW, 0, 1, 1, "9")),
        at(
            40,
            ev.LegFinished(NOW, 0, 1, 1, "9", COMPLETED.__class__(COMPLETED.outcome, 0.9, 27, 9.0)),
        ),
    )
    assert [(one.trial_id, one.value) for one in history.incumbents] == [(0, 0.5), (1, 0.7)]
    assert [one.value for one in history.measured] == [0.5, 0.7, 0.9]
    assert history.measured[-1].resource == 27


def test_what_is_not_finite_is_no_result() -> None:
    history = begun(offered(0), claimed(0), at(9, finished(0, None)))
    assert history.measured == []
    assert history.incumbents == []
