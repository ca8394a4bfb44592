"""What each event does to the state, and which events are refused."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from histories import (
    NOW,
    claimed,
    drawn,
    failed,
    finished,
    lost,
    offered,
    running,
    state_after,
)
from hypothesis import given
from hypothesis import strategies as st

from hpo.errors import TransitionError
from hpo.record import events as ev
from hpo.record.state import CampaignState, TrialState, TrialStatus, apply, check


def test_a_trial_goes_from_drawn_over_offered_and_claimed_to_completed() -> None:
    state = state_after([ev.CampaignStarted(NOW), drawn(0)])
    trial = state.trials[0]
    seen = [trial.status]
    for event in (offered(0), claimed(0), finished(0, 0.25), ev.TrialCompleted(NOW, 0)):
        apply(state, event)
        seen.append(trial.status)
        assert check(state) == []
    assert [status.value for status in seen] == [
        "waiting",
        "offered",
        "running",
        "waiting",
        "completed",
    ]
    assert (trial.metric, trial.resource, trial.job_id, trial.target) == (0.25, 9, "7", 9)
    assert (state.best_trial, state.best_metric) == (0, 0.25)
    assert state.open_trials == 0


def test_the_best_trial_is_the_one_with_the_best_finite_metric() -> None:
    metrics = [None, 0.5, math.inf, 0.25, 0.25, 0.75]
    events = running(*range(len(metrics)))
    events += [finished(i, metric, job_id=str(i)) for i, metric in enumerate(metrics)]
    assert state_after(events, mode="min").best_trial == 3
    assert state_after(events, mode="max").best_trial == 5
    assert state_after(running(0)).best_metric is None


def test_a_failed_leg_leaves_metric_and_best_trial_alone() -> None:
    state = state_after([*running(0), failed(0, job_id="0"), ev.TrialFailed(NOW, 0, "E", "m")])
    assert state.best_trial is None
    assert state.trials[0].cause == "E"
    assert not state.any_result


def test_a_trial_that_fails_later_is_not_the_incumbent_any_more() -> None:
    events = [
        *running(0, 1),
        finished(0, 0.1, job_id="0"),
        finished(1, 0.5, job_id="1"),
        offered(0, 1),
        claimed(0, "8", 1),
        failed(0, attempt=1, job_id="8"),
    ]
    assert state_after(events).best_trial == 0
    state = state_after([*events, ev.TrialFailed(NOW, 0, "E", "m")])
    assert (state.best_trial, state.best_metric, state.trials[0].metric) == (1, 0.5, None)
    assert state.best_told == (0.1, 0)


def test_a_value_counts_at_its_rung_or_where_its_trial_wanted_no_more() -> None:
    def ranked(**told: Any) -> list[tuple[float, int]]:
        state = state_after([*running(0), finished(0, 0.5, job_id="0", **told)])
        return [entry for rung in state.rungs.values() for entry in rung.ranked]

    assert ranked() == ranked(resource=4, early=True) == [(0.5, 0)]
    assert ranked(resource=4) == []


def test_a_lost_leg_counts_where_it_saved_nothing_new() -> None:
    state = state_after([*running(0), lost(0, job_id="0", saved=3)])
    trial = state.trials[0]
    assert (trial.losses, trial.resource, trial.progressed) == (0, 3, True)
    again: list[ev.Event] = [
        offered(0, 1),
        claimed(0, "8", 1),
        lost(0, job_id="8", attempt=1, saved=3),
    ]
    for event in again:
        apply(state, event)
    assert (trial.losses, trial.resource, trial.progressed) == (1, 3, False)


def test_a_checkpoint_that_vanished_does_not_turn_the_resource_back() -> None:
    state = state_after([*running(0), lost(0, job_id="0", saved=5), offered(0, 1)])
    for event in (claimed(0, "8", 1), lost(0, job_id="8", attempt=1, saved=0)):
        apply(state, event)
    assert state.trials[0].resource == 5


def test_an_offer_after_an_end_forgets_why_the_trial_ended() -> None:
    events = [*running(0), failed(0, job_id="0"), ev.TrialFailed(NOW, 0, "E", "m"), offered(0, 1)]
    trial = state_after(events).trials[0]
    assert trial.status is TrialStatus.OFFERED
    assert trial.cause is None
    assert trial.ended_leg is None


def test_a_returned_leg_is_offered_as_its_next_attempt() -> None:
    state = state_after([*running(0), ev.LegReturned(NOW, 0, 0, 1)])
    assert (state.trials[0].status, state.trials[0].attempt) == (TrialStatus.OFFERED, 1)
    assert state.trials[0].losses == 1


def test_a_returned_leg_counts_where_it_got_no_further() -> None:
    events: list[ev.Event] = [*running(0)]
    # Twice to epoch 3, then further each time; the last life ended before its first report.
    for attempt, (resource, losses) in enumerate([(3, 0), (3, 1), (5, 1), (6, 1), (0, 2)], 1):
        events += [ev.LegReturned(NOW, 0, 0, attempt, resource=resource)]
        assert state_after(events).trials[0].losses == losses
        events += [claimed(0, str(attempt), attempt)]


def test_alike_failures_are_counted_until_another_cause_comes() -> None:
    events = running(0, 1, 2)
    for i, cause in enumerate(["A", "A", "B"]):
        events += [failed(i, cause, job_id=str(i)), ev.TrialFailed(NOW, i, cause, "")]
    assert state_after(events[:-2]).alike_failures == 2
    state = state_after(events)
    assert (state.alike_failures, state.alike_cause) == (1, "B")


def test_after_a_result_failures_are_no_longer_counted_as_the_first_ones() -> None:
    events = running(0, 1, 2)
    events += [finished(0, job_id="0"), ev.TrialCompleted(NOW, 0)]
    for i in (1, 2):
        events += [failed(i, "A", job_id=str(i)), ev.TrialFailed(NOW, i, "A", "")]
    assert state_after(events).alike_failures == 1


def test_reopening_makes_a_campaign_as_if_it_had_just_started() -> None:
    events = [
        *running(0),
        failed(0, job_id="0"),
        ev.TrialFailed(NOW, 0, "A", ""),
        ev.SearchExhausted(NOW, 1),
        ev.CampaignEnding(NOW, "circuit_breaker"),
        ev.CampaignEnded(NOW, "circuit_breaker"),
        ev.CampaignReopened(NOW, "again"),
    ]
    state = state_after(events)
    assert (state.ending, state.ended, state.exhausted) == (None, None, False)
    assert (state.alike_failures, state.alike_cause, state.any_result) == (0, None, False)
    assert len(state.trials) == 1


START: list[ev.Event] = [ev.CampaignStarted(NOW)]
WAITING: list[ev.Event] = [*START, drawn(0)]
OFFERED: list[ev.Event] = [*WAITING, offered(0)]
CLAIMED: list[ev.Event] = [*OFFERED, claimed(0)]
ENDED_LEG: list[ev.Event] = [*CLAIMED, finished(0)]
COMPLETED: list[ev.Event] = [*ENDED_LEG, ev.TrialCompleted(NOW, 0)]
ENDED: list[ev.Event] = [*COMPLETED, ev.CampaignEnded(NOW, "done")]

ILLEGAL: list[tuple[str, list[ev.Event], ev.Event, str]] = [
    ("a second start", START, ev.CampaignStarted(NOW), "started already"),
    ("a trial out of order", START, drawn(1), "numbered in order"),
    ("a trial drawn twice", WAITING, drawn(0), "numbered in order"),
    ("an ending after the end", ENDED, ev.CampaignEnding(NOW, "x"), "has ended"),
    ("an end with open trials", OFFERED, ev.CampaignEnded(NOW, "x"), "still open"),
    ("an offer of no trial", START, offered(0), "no such trial"),
    ("an offer of an offered trial", OFFERED, offered(0, 1), "is offered"),
    ("an offer of a running trial", CLAIMED, offered(0, 1), "is running"),
    ("an offer of a completed trial", COMPLETED, offered(0, 1), "is completed"),
    ("an attempt used twice", ENDED_LEG, offered(0, 0), "only grow"),
    ("a claim of a waiting trial", WAITING, claimed(0), "is waiting"),
    ("a claim of another attempt", OFFERED, claimed(0, "7", 1), "another leg"),
    ("a second claim", CLAIMED, claimed(0, "8"), "is running"),
    ("a return of a waiting trial", WAITING, ev.LegReturned(NOW, 0, 0, 1), "is waiting"),
    ("a return as the same attempt", CLAIMED, ev.LegReturned(NOW, 0, 0, 0), "only grow"),
    ("an end of an offered leg", OFFERED, finished(0), "is offered"),
    ("an end of another attempt", CLAIMED, finished(0, attempt=1), "another leg"),
    ("an end by another job", CLAIMED, finished(0, job_id="8"), "another job"),
    ("a loss by another job", CLAIMED, lost(0, job_id="8"), "another job"),
    ("a loss after the end", ENDED_LEG, lost(0), "is waiting"),
    ("a revocation of a claim", CLAIMED, ev.OfferRevoked(NOW, 0, 0, 0), "is running"),
    ("a revocation of another attempt", OFFERED, ev.OfferRevoked(NOW, 0, 0, 1), "another leg"),
    ("completion of a running trial", CLAIMED, ev.TrialCompleted(NOW, 0), "is running"),
    ("failure of a running trial", CLAIMED, ev.TrialFailed(NOW, 0, "E", ""), "is running"),
    ("stop of a completed trial", COMPLETED, ev.TrialStopped(NOW, 0, "x"), "is completed"),
]


@pytest.mark.parametrize(
    ("events", "event", "words"), [i[1:] for i in ILLEGAL], ids=[i[0] for i in ILLEGAL]
)
def test_an_event_that_cannot_follow_is_refused_and_changes_nothing(
    events: list[ev.Event], event: ev.Event, words: str
) -> None:
    state = state_after(events)
    before = copy.deepcopy(state)
    with pytest.raises(TransitionError, match=words):
        apply(state, event)
    assert state == before


EVERY_EVENT: list[ev.Event] = [
    ev.CampaignStarted(NOW),
    ev.SearchExhausted(NOW, 1),
    ev.CampaignEnding(NOW, "x"),
    ev.CampaignEnded(NOW, "x"),
    ev.CampaignReopened(NOW, "x"),
]
for _trial in (0, 1):
    EVERY_EVENT += [
        drawn(_trial),
        ev.TrialCompleted(NOW, _trial),
        ev.TrialFailed(NOW, _trial, "E", ""),
        ev.TrialStopped(NOW, _trial, "x"),
    ]
    for _attempt in (0, 1, 2):
        EVERY_EVENT += [
            offered(_trial, _attempt),
            claimed(_trial, str(_trial), _attempt),
            ev.LegReturned(NOW, _trial, 0, _attempt),
            finished(_trial, job_id=str(_trial), attempt=_attempt),
            lost(_trial, job_id=str(_trial), attempt=_attempt),
            ev.OfferRevoked(NOW, _trial, 0, _attempt),
        ]


@given(st.lists(st.sampled_from(EVERY_EVENT), max_size=60))
def test_any_order_of_events_is_either_refused_whole_or_keeps_the_books(
    events: list[ev.Event],
) -> None:
    state = CampaignState()
    for event in events:
        before = copy.deepcopy(state)
        try:
            apply(state, event)
        except TransitionError:
            assert state == before
        for status in TrialStatus:
            listed = {i for i, trial in state.trials.items() if trial.status is status}
            assert state.of(status) == listed


class TestInvariants:
    def test_a_sound_state_breaks_none(self) -> None:
        assert check(state_after(ENDED)) == []

    def test_a_trial_listed_under_the_wrong_status_is_told(self) -> None:
        state = state_after(OFFERED)
        state.trials[0].status = TrialStatus.WAITING
        assert check(state) == ["trial 0 is listed as offered and is not"]

    def test_a_trial_listed_nowhere_is_told(self) -> None:
        state = state_after(WAITING)
        state.of(TrialStatus.WAITING).clear()
        assert check(state) == ["1 trials, 0 listed by status"]

    def test_a_gap_in_the_numbers_is_told(self) -> None:
        state = state_after(START)
        state.trials[3] = TrialState(3, {})
        state.of(TrialStatus.WAITING).add(3)
        assert check(state) == ["trials are not numbered 0, 1, 2 …"]

    def test_one_job_with_two_legs_is_told(self) -> None:
        state = state_after([*OFFERED, drawn(1), offered(1), claimed(0), claimed(1)])
        assert check(state) == ["job 7 holds trials 0 and 1"]

    def test_a_claim_without_a_job_is_told(self) -> None:
        state = state_after(CLAIMED)
        state.trials[0].job_id = None
        assert check(state) == ["trial 0 is claimed by no job"]

    def test_a_completed_trial_without_a_result_is_told(self) -> None:
        state = state_after([*WAITING, ev.TrialCompleted(NOW, 0)])
        assert check(state) == ["trial 0 is completed without a result"]

    def test_an_end_without_a_cause_is_told(self) -> None:
        state = state_after([*WAITING, ev.TrialFailed(NOW, 0, "", "")])
        assert check(state) == ["trial 0 is failed without a cause"]

    def test_an_ended_campaign_with_open_trials_is_told(self) -> None:
        state = state_after(OFFERED)
        state.ended = "x"
        assert check(state) == ["the campaign has ended with 1 open trials"]


def test_a_job_that_the_user_stopped_is_no_loss_to_the_cluster() -> None:
    state = state_after([*running(0), lost(0, "stopped", job_id="0", saved=3)])
    assert (state.trials[0].losses, state.trials[0].resource) == (0, 3)
