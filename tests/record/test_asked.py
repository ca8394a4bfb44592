"""What people ask for becomes part of what is known; what cannot follow is refused."""

from __future__ import annotations

import pytest
from histories import NOW, drawn, failed, finished, running, state_after

from hpo.errors import TransitionError
from hpo.record import events as ev
from hpo.record.requests import Extend, request_of
from hpo.record.state import apply, check


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (ev.StopAsked(NOW, "t", "hal", 0), "the trial is completed"),
        (ev.StopAsked(NOW, "t", "hal", 9), "no such trial"),
        (ev.RetryAsked(NOW, "t", "hal", [0]), "a trial is completed"),
        (ev.RetryAsked(NOW, "t", "hal", [2, 1], from_start=True), "a trial is running"),
        (ev.RetryAsked(NOW, "t", "hal", [9]), "no such trial"),
        (ev.TrialDrawn(NOW, 3, {"lr": 0.0}, enqueued=True), "no point is enqueued"),
    ],
)
def test_what_cannot_follow_leaves_all_as_it_was(event: ev.Event, why: str) -> None:
    events = [*running(0, 1, 2), finished(0, job_id="0"), ev.TrialCompleted(NOW, 0)]
    events += [failed(2, job_id="2"), ev.TrialFailed(NOW, 2, "E", "m")]
    state = state_after(events)
    with pytest.raises(TransitionError, match=why):
        apply(state, event)
    assert state == state_after(events)


def test_a_request_of_the_configuration_has_no_token_and_may_come_twice() -> None:
    state = state_after(running(0))
    for n_trials in (5, 6):
        apply(state, ev.CampaignExtended(NOW, "", "the configuration", n_trials, 3))
    assert (state.n_trials, state.configured, state.tokens) == (6, 3, set())


def test_broken_invariants_of_requests_are_told() -> None:
    state = state_after(running(0))
    state.stopping.add(0)
    state.enqueued.append({"lr": 1.0})
    assert check(state) == [
        "trial 0 is to stop, and nobody asked for it or it has ended",
        "1 points wait, and only 0 were enqueued",
    ]
    apply(state, ev.StopAsked(NOW, "t", "hal", 0))
    assert len(check(state)) == 1


def test_a_point_that_was_drawn_waits_no_more() -> None:
    state = state_after([ev.CampaignStarted(NOW)])
    apply(state, ev.PointsEnqueued(NOW, "t", "hal", [drawn(0).config, drawn(1).config]))
    apply(state, ev.TrialDrawn(NOW, 0, drawn(0).config, enqueued=True))
    assert state.enqueued == [drawn(1).config]
    assert check(state) == []


def test_a_request_reads_back_from_json() -> None:
    told = {"request": "Extend", "by": "hal", "time": 1.0, "more_trials": 3}
    assert request_of(told) == Extend("hal", 1.0, more_trials=3)
    for wrong in (None, {"request": 1}, {}):
        with pytest.raises(ValueError):  # noqa: PT011  # each says something else
            request_of(wrong)
