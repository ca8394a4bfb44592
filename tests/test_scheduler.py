"""What is decided after each end of a leg, and when a campaign ends, breaks or goes on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import (
    NOW,
    ListedSearch,
    claimed,
    config,
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

from hpo import events as ev
from hpo.causes import INFRASTRUCTURE, Cause
from hpo.invariants import check
from hpo.scheduler import BREAKER, FINISHED, STOPPED_BY_USER, WALLCLOCK, Limits, Scheduler
from hpo.state import CampaignState, TrialStatus, apply
from hpo.whole_trials import WholeTrials


def scheduler(size: int = 10**6, **limits: Any) -> Scheduler:
    return Scheduler(ListedSearch(size), Limits(**{"n_trials": 1} | limits))


def after(events: list[ev.Event], now: float = NOW, **limits: Any) -> list[ev.Event]:
    return scheduler(**limits).decide(state_after(events), now)


def settle(state: CampaignState, deciding: Scheduler, now: float = NOW) -> list[ev.Event]:
    """Decide until nothing is left to decide; what was decided."""
    made: list[ev.Event] = []
    while decisions := deciding.decide(state, now):
        for event in decisions:
            apply(state, event)
        made += decisions
        assert len(made) < 1000
    return made


def test_the_first_decision_starts_the_campaign() -> None:
    assert after([]) == [ev.CampaignStarted(NOW)]


def test_all_trials_are_drawn_and_offered_in_order() -> None:
    decisions = after([ev.CampaignStarted(NOW)], n_trials=2)
    assert decisions == [drawn(0), offered(0), drawn(1), offered(1)]


class TestAfterALegEnded:
    def test_a_completed_leg_completes_the_trial_and_the_last_one_the_campaign(self) -> None:
        decisions = after([*running(0), finished(0, job_id="0")])
        assert decisions == [ev.TrialCompleted(NOW, 0), ev.CampaignEnded(NOW, FINISHED)]

    def test_an_interrupted_leg_is_offered_again(self) -> None:
        ended = finished(0, job_id="0", outcome="interrupted")
        assert after([*running(0), ended]) == [offered(0, 1)]

    def test_a_failed_leg_fails_the_trial_with_its_words(self) -> None:
        decisions = after([*running(0, 1), failed(0, "KeyError", "0")], n_trials=2)
        assert decisions == [ev.TrialFailed(NOW, 0, "KeyError", "bad 0")]

    def test_a_failure_without_words_still_has_a_cause(self) -> None:
        ended = finished(0, None, job_id="0", outcome="failed")
        decisions = after([*running(0), ended])
        assert decisions[0] == ev.TrialFailed(NOW, 0, "failed", "")


class TestAfterALoss:
    @pytest.mark.parametrize("cause", sorted(INFRASTRUCTURE - {Cause.STORAGE}))
    def test_the_infrastructure_is_forgiven(self, cause: Cause) -> None:
        assert after([*running(0), lost(0, cause, job_id="0")]) == [offered(0, 1)]

    def test_the_infrastructure_is_not_forgiven_for_ever(self) -> None:
        events = running(0)
        for attempt in range(3):
            job = str(attempt)
            events += [lost(0, job_id=job, attempt=attempt)]
            decisions = after(events, max_lost_legs=2)
            if attempt < 2:
                assert decisions == [offered(0, attempt + 1)]
                events += [offered(0, attempt + 1), claimed(0, str(attempt + 1), attempt + 1)]
        failure = decisions[0]
        assert isinstance(failure, ev.TrialFailed)
        assert failure.cause == "lost_too_often"
        assert "3 times" in failure.message
        assert "max_lost_legs allows 2" in failure.message

    def test_a_time_limit_after_progress_costs_nothing(self) -> None:
        assert after([*running(0), lost(0, Cause.TIME_LIMIT, job_id="0", saved=1)]) == [
            offered(0, 1)
        ]

    def test_a_time_limit_without_progress_fails_and_says_what_to_change(self) -> None:
        failure = after([*running(0), lost(0, Cause.TIME_LIMIT, job_id="0")])[0]
        assert isinstance(failure, ev.TrialFailed)
        assert failure.cause == "time_limit"
        assert "raise `time` or lower checkpoint_interval" in failure.message

    def test_what_the_trial_did_itself_fails_it(self) -> None:
        failure = after([*running(0), lost(0, Cause.KILLED, job_id="0", saved=5)])[0]
        assert failure == ev.TrialFailed(NOW, 0, "killed", "its job was killed")

    def test_trouble_with_the_storage_is_forgiven_after_a_rest_that_grows(self) -> None:
        events = running(0)
        for attempt, rest_s in enumerate([30.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0]):
            events += [lost(0, Cause.STORAGE, job_id=str(attempt), attempt=attempt)]
            assert after(events, now=NOW + rest_s - 1.0) == []
            assert after(events, now=NOW + rest_s) == [
                replace(offered(0, attempt + 1), time=NOW + rest_s)
            ]
            job = str(attempt + 1)
            events += [offered(0, attempt + 1), claimed(0, job, attempt + 1)]

    def test_a_trial_that_rests_is_stopped_where_the_campaign_ends(self) -> None:
        events = [*running(0), lost(0, Cause.STORAGE, job_id="0")]
        decisions = after(events, max_wallclock_s=1.0, now=NOW + 2.0)
        kinds = [type(decision) for decision in decisions]
        assert kinds == [ev.CampaignEnding, ev.TrialStopped, ev.CampaignEnded]

    def test_every_cause_is_decided_about(self) -> None:
        for cause in Cause:
            decisions = after([*running(0), lost(0, cause.value, job_id="0")], now=NOW + 3600.0)
            assert isinstance(decisions[0], (ev.LegOffered, ev.TrialFailed, ev.TrialStopped))

    def test_a_cancelled_job_stops_its_trial_for_good(self) -> None:
        events = [*running(0, 1), lost(0, Cause.CANCELLED, job_id="0")]
        decisions = after(events, n_trials=2)
        assert decisions == [ev.TrialStopped(NOW, 0, "its job was cancelled")]
        assert after([*events, *decisions], n_trials=2) == []


class TestOutOfMemory:
    def after(self, events: list[ev.Event], **limits: int) -> ev.Event:
        return after(events, **({"mem_mb": 4000, "max_mem_mb": 6000} | limits))[0]

    def ran_out(self, *sizes: int) -> list[ev.Event]:
        """Trial 0 was killed, and again with each of these sizes."""
        events = [*running(0), lost(0, Cause.OUT_OF_MEMORY, job_id="0")]
        for attempt, mem_mb in enumerate(sizes, 1):
            events += [replace(offered(0, attempt), mem_mb=mem_mb), claimed(0, "0", attempt)]
            events += [lost(0, Cause.OUT_OF_MEMORY, job_id="0", attempt=attempt)]
        return events

    def test_the_leg_is_tried_once_more_with_half_as_much_more(self) -> None:
        assert self.after(self.ran_out()) == replace(offered(0, 1), mem_mb=6000)

    def test_a_job_that_lived_on_itself_says_it_and_the_leg_is_tried_again_too(self) -> None:
        told = finished(0, None, job_id="0", outcome="failed", cause="out_of_memory", message="m")
        assert self.after([*running(0), told]) == replace(offered(0, 1), mem_mb=6000)
        assert "with mem=4000M: m. Raise" in self.after([*running(0), told], max_mem_mb=0).message  # type: ignore[union-attr]

    def test_then_the_trial_fails_and_says_what_was_tried_and_what_to_change(self) -> None:
        failure = self.after(self.ran_out(6000))
        assert isinstance(failure, ev.TrialFailed)
        assert failure.cause == "out_of_memory"
        assert "mem=4000M, then raised to 6000M: its job was out_of_memory" in failure.message
        assert "Raise `mem` in get_slurm_config(), or `max_mem` (now 6000M)" in failure.message

    def test_a_higher_limit_allows_more_than_one_step(self) -> None:
        assert self.after(self.ran_out(6000), max_mem_mb=8000).mem_mb == 8000  # type: ignore[union-attr]
        failure = self.after(self.ran_out(6000, 8000), max_mem_mb=8000)
        assert isinstance(failure, ev.TrialFailed)

    def test_with_max_mem_at_mem_nothing_is_tried_again(self) -> None:
        failure = self.after(self.ran_out(), max_mem_mb=4000)
        assert isinstance(failure, ev.TrialFailed)
        assert "with mem=4000M: its job" in failure.message

    def test_a_trial_keeps_its_memory_for_what_follows(self) -> None:
        events = [*self.ran_out(), replace(offered(0, 1), mem_mb=6000), claimed(0, "0", 1)]
        events += [lost(0, "preempted", job_id="0", attempt=1)]
        assert self.after(events) == replace(offered(0, 2), mem_mb=6000)
        # Unless the user allows less by now.
        assert self.after(events, max_mem_mb=5000) == replace(offered(0, 2), mem_mb=5000)

    def test_a_trial_raised_before_mem_itself_was_raised_has_that(self) -> None:
        decision = self.after(self.ran_out(6000), mem_mb=10000, max_mem_mb=15000)
        assert decision == replace(offered(0, 2), mem_mb=15000)


class TestTarget:
    @pytest.mark.parametrize(
        ("value", "target"), [(27, 27), (True, None), (2.5, None), ("x", None)]
    )
    def test_a_leg_runs_to_the_configured_resource_if_that_is_a_whole_number(
        self, value: object, target: int | None
    ) -> None:
        drawn_so = ev.TrialDrawn(NOW, 0, {"max_epochs": value})
        offer = after([ev.CampaignStarted(NOW), drawn_so])[0]
        assert isinstance(offer, ev.LegOffered)
        assert offer.target == target

    def test_without_that_hyperparameter_a_leg_goes_as_far_as_it_goes(self) -> None:
        assert WholeTrials("steps").target({"max_epochs": 9}, rung=0) is None
        assert WholeTrials("steps").target({"steps": 9}, rung=0) == 9


class TestOffersAhead:
    def test_no_more_offers_lie_ready_than_allowed(self) -> None:
        state = state_after([])
        deciding = scheduler(n_trials=10, offers_ahead=3)
        settle(state, deciding)
        assert state.of(TrialStatus.OFFERED) == {0, 1, 2}
        apply(state, claimed(0))
        settle(state, deciding)
        assert state.of(TrialStatus.OFFERED) == {1, 2, 3}

    def test_an_offer_made_again_takes_the_place_of_a_new_trial(self) -> None:
        state = state_after([])
        deciding = scheduler(n_trials=10, offers_ahead=1)
        settle(state, deciding)
        apply(state, claimed(0))
        apply(state, lost(0))
        assert deciding.decide(state, NOW) == [offered(0, 1)]

    def test_a_window_smaller_than_what_is_offered_draws_nothing(self) -> None:
        state = state_after([])
        settle(state, scheduler(n_trials=10, offers_ahead=5))
        assert scheduler(n_trials=10, offers_ahead=2).decide(state, NOW) == []


class TestExhaustedSpace:
    def test_the_campaign_says_so_and_ends_with_what_it_has(self) -> None:
        state = state_after([])
        deciding = scheduler(size=2, n_trials=5)
        made = settle(state, deciding)
        assert made[-1] == ev.SearchExhausted(NOW, 2)
        for i in (0, 1):
            apply(state, claimed(i, str(i)))
            apply(state, finished(i, job_id=str(i)))
        assert settle(state, deciding)[-1] == ev.CampaignEnded(NOW, FINISHED)

    def test_a_space_without_anything_ends_at_once(self) -> None:
        state = state_after([])
        made = settle(state, scheduler(size=0, n_trials=5))
        assert made[1:] == [ev.SearchExhausted(NOW, 0), ev.CampaignEnded(NOW, FINISHED)]

    def test_it_does_not_go_on_when_more_trials_are_asked_for(self) -> None:
        state = state_after([])
        settle(state, scheduler(size=0, n_trials=5))
        assert scheduler(size=0, n_trials=9).reopen(state, NOW) == []


class TestWallclock:
    def test_when_time_is_up_nothing_is_offered_and_what_runs_may_finish(self) -> None:
        state = state_after([*running(0), drawn(1), offered(1)])
        deciding = scheduler(n_trials=3, max_wallclock_s=60.0)
        assert not [
            e for e in deciding.decide(state, NOW + 59.9) if isinstance(e, ev.CampaignEnding)
        ]
        assert settle(state, deciding, NOW + 60) == [ev.CampaignEnding(NOW + 60, WALLCLOCK)]
        apply(state, finished(0, job_id="0"))
        apply(state, ev.OfferRevoked(NOW, 1, 0, 0))
        assert settle(state, deciding, NOW + 70) == [
            ev.TrialCompleted(NOW + 70, 0),
            ev.TrialStopped(NOW + 70, 1, WALLCLOCK),
            ev.CampaignEnded(NOW + 70, WALLCLOCK),
        ]

    def test_a_leg_lost_after_that_is_stopped_and_not_offered_again(self) -> None:
        state = state_after([*running(0), ev.CampaignEnding(NOW, WALLCLOCK)])
        apply(state, lost(0, job_id="0"))
        made = settle(state, scheduler(n_trials=3))
        assert made == [ev.TrialStopped(NOW, 0, WALLCLOCK), ev.CampaignEnded(NOW, WALLCLOCK)]

    def test_it_goes_on_with_a_raised_limit_from_where_it_stood(self) -> None:
        state = state_after([*running(0), drawn(1), offered(1)])
        settle(state, scheduler(n_trials=3, max_wallclock_s=60.0), NOW + 60)
        apply(state, lost(0, job_id="0"))
        apply(state, ev.OfferRevoked(NOW, 1, 0, 0))
        settle(state, scheduler(n_trials=3, max_wallclock_s=60.0), NOW + 60)
        assert state.ended == WALLCLOCK
        raised = scheduler(n_trials=3, max_wallclock_s=6000.0)
        for event in raised.reopen(state, NOW + 90):
            apply(state, event)
        made = settle(state, raised, NOW + 90)
        assert made[:2] == [
            ev.LegOffered(NOW + 90, 0, 0, 1, 9),
            ev.LegOffered(NOW + 90, 1, 0, 1, 9),
        ]
        assert state.of(TrialStatus.OFFERED) == {0, 1, 2}

    def test_it_stays_ended_while_the_limit_is_the_same(self) -> None:
        state = state_after([*running(0), finished(0, job_id="0")])
        same = scheduler(n_trials=3, max_wallclock_s=60.0)
        settle(state, same, NOW + 60)
        assert same.reopen(state, NOW + 90) == []

    @pytest.mark.parametrize("open_trial", [[], [lost(0, job_id="0"), offered(0, 1)]])
    def test_a_raised_limit_also_saves_the_last_trials_of_a_campaign_that_was_ending(
        self, open_trial: list[ev.Event]
    ) -> None:
        state = state_after([*running(0), *open_trial, ev.CampaignEnding(NOW, WALLCLOCK)])
        reopened = scheduler(n_trials=1, max_wallclock_s=6000.0).reopen(state, NOW)
        assert reopened == [ev.CampaignReopened(NOW, "limits were raised")]


class TestReopening:
    def test_a_running_campaign_is_not_reopened(self) -> None:
        assert scheduler(n_trials=9).reopen(state_after(running(0)), NOW) == []

    def test_a_finished_campaign_goes_on_when_more_trials_are_asked_for(self) -> None:
        state = state_after([*running(0), finished(0, job_id="0")])
        settle(state, scheduler(n_trials=1))
        assert scheduler(n_trials=1).reopen(state, NOW) == []
        more = scheduler(n_trials=2)
        assert more.decide(state, NOW) == []
        for event in more.reopen(state, NOW):
            apply(state, event)
        assert settle(state, more) == [drawn(1), offered(1)]

    def test_a_trial_that_the_user_cancelled_stays_stopped(self) -> None:
        state = state_after([*running(0), lost(0, Cause.CANCELLED, job_id="0")])
        settle(state, scheduler(n_trials=1))
        assert state.ended == FINISHED
        assert scheduler(n_trials=1).reopen(state, NOW) == []
        more = scheduler(n_trials=2)
        for event in more.reopen(state, NOW):
            apply(state, event)
        settle(state, more)
        assert state.trials[0].status is TrialStatus.STOPPED
        assert state.trials[1].status is TrialStatus.OFFERED


def broken(n: int = 3, **limits: Any) -> tuple[CampaignState, Scheduler]:
    state = state_after(running(*range(n)))
    deciding = scheduler(n_trials=10, max_initial_failures=3, offers_ahead=2, **limits)
    for i in range(n):
        apply(state, failed(i, "ImportError", str(i)))
        settle(state, deciding)
    return state, deciding


class TestCircuitBreaker:
    def test_the_first_failures_with_one_cause_end_the_campaign(self) -> None:
        state, _ = broken()
        assert state.ending == BREAKER
        assert len(state.of(TrialStatus.FAILED)) == 3

    def test_it_trips_as_well_when_they_all_fail_at_once(self) -> None:
        events = running(0, 1, 2) + [failed(i, "ImportError", str(i)) for i in range(3)]
        decisions = after(events, n_trials=10, max_initial_failures=3)
        assert decisions[3:] == [ev.CampaignEnding(NOW, BREAKER), ev.CampaignEnded(NOW, BREAKER)]

    def test_one_failure_fewer_does_not_trip_it(self) -> None:
        assert broken(2)[0].ending is None

    def test_different_causes_do_not_trip_it(self) -> None:
        events = running(0, 1, 2) + [failed(i, f"Error{i}", str(i)) for i in range(3)]
        decisions = after(events, n_trials=3, max_initial_failures=3)
        assert decisions[-1] == ev.CampaignEnded(NOW, FINISHED)

    def test_a_result_before_them_disarms_it(self) -> None:
        events = [*running(0, 1, 2, 3), finished(0, job_id="0")]
        events += [failed(i, "ImportError", str(i)) for i in (1, 2, 3)]
        assert after(events, n_trials=4, max_initial_failures=3)[-1] == ev.CampaignEnded(
            NOW, FINISHED
        )

    def test_zero_turns_it_off(self) -> None:
        events = running(0, 1) + [failed(i, "ImportError", str(i)) for i in (0, 1)]
        assert after(events, n_trials=2, max_initial_failures=0)[-1] == ev.CampaignEnded(
            NOW, FINISHED
        )

    def test_lost_legs_that_are_offered_again_do_not_trip_it(self) -> None:
        events = running(0, 1, 2) + [lost(i, job_id=str(i)) for i in range(3)]
        assert after(events, n_trials=3, max_initial_failures=3) == [
            offered(i, 1) for i in range(3)
        ]

    def test_the_next_start_offers_the_failed_trials_again_under_the_same_limits(self) -> None:
        state, deciding = broken()
        for trial_id in sorted(state.of(TrialStatus.OFFERED)):
            apply(state, ev.OfferRevoked(NOW, trial_id, 0, 0))
        settle(state, deciding)
        assert state.ended == BREAKER
        for event in deciding.reopen(state, NOW):
            apply(state, event)
        settle(state, deciding)
        assert state.of(TrialStatus.OFFERED) == {0, 1, 2, 3, 4}
        assert state.alike_failures == 0
        assert check(state) == []

    def test_a_failure_of_another_kind_is_not_offered_again(self) -> None:
        state = state_after(running(0, 1, 2, 3))
        apply(state, failed(0, "KeyError", "0"))
        deciding = scheduler(n_trials=4, max_initial_failures=3)
        settle(state, deciding)
        for i in (1, 2, 3):
            apply(state, failed(i, "ImportError", str(i)))
            settle(state, deciding)
        assert state.ended == BREAKER
        reopened = deciding.reopen(state, NOW)
        assert reopened[1:] == [offered(i, 1) for i in (1, 2, 3)]


ENDS = ["completed", "failed", "interrupted", *Cause]


@given(
    ends=st.lists(st.tuples(st.integers(0, 7), st.sampled_from(ENDS)), max_size=80),
    n_trials=st.integers(1, 8),
    ahead=st.integers(1, 8),
    size=st.integers(0, 10),
)
def test_whatever_happens_to_the_legs_no_trial_is_lost_and_the_campaign_can_end(
    ends: list[tuple[int, str]], n_trials: int, ahead: int, size: int
) -> None:
    deciding = scheduler(size=size, n_trials=n_trials, offers_ahead=ahead, max_lost_legs=3)
    state = state_after([])
    settle(state, deciding)
    for number, (trial_id, how) in enumerate([*ends, *((i, "completed") for i in range(8))] * 2):
        trial = state.trials.get(trial_id)
        if trial is None or trial.status is not TrialStatus.OFFERED:
            continue
        job, attempt = f"job{number}", trial.attempt
        apply(state, claimed(trial_id, job, attempt))
        if how in ("completed", "failed", "interrupted"):
            apply(state, finished(trial_id, job_id=job, attempt=attempt, outcome=how))
        else:
            apply(state, lost(trial_id, how, job_id=job, attempt=attempt))
        settle(state, deciding)
        assert check(state) == []
        assert len(state.of(TrialStatus.OFFERED)) <= ahead
    for trial_id in sorted(state.of(TrialStatus.OFFERED)):
        apply(state, ev.OfferRevoked(NOW, trial_id, 0, state.trials[trial_id].attempt))
    settle(state, scheduler(size=size, n_trials=n_trials, max_wallclock_s=1.0), NOW + 2)
    assert state.ended is not None
    assert len(state.trials) <= min(n_trials, size)
    assert all(trial.config == config(i) for i, trial in state.trials.items())


class TestStoppedByTheUser:
    def test_nothing_new_is_offered_and_what_runs_is_waited_for(self) -> None:
        state = state_after(running(0))
        decided = scheduler(n_trials=9).decide(state, NOW, stop_asked=True)
        assert decided == [ev.CampaignEnding(NOW, STOPPED_BY_USER)]

    def test_what_was_lost_to_it_goes_on_when_the_campaign_does(self) -> None:
        state = state_after([*running(0), lost(0, Cause.STOPPED.value, job_id="0")])
        deciding = scheduler(n_trials=1, max_lost_legs=0)
        for event in deciding.decide(state, NOW, stop_asked=True):
            apply(state, event)
        assert (state.ended, state.of(TrialStatus.STOPPED)) == (STOPPED_BY_USER, {0})
        (reopened,) = deciding.reopen(state, NOW)
        apply(state, reopened)
        assert [e.trial_id for e in settle(state, deciding) if isinstance(e, ev.LegOffered)] == [0]

    def test_a_campaign_that_had_nothing_left_to_do_is_finished_by_the_next_start(self) -> None:
        state = state_after([*running(0), finished(0, job_id="0")])
        deciding = scheduler(n_trials=1)
        for event in deciding.decide(state, NOW, stop_asked=True):
            apply(state, event)
        assert state.ended == STOPPED_BY_USER
        for event in deciding.reopen(state, NOW):
            apply(state, event)
        settle(state, deciding)
        assert state.ended == FINISHED

    def test_a_limit_that_was_reached_before_keeps_its_name(self) -> None:
        state = state_after([*running(0), ev.CampaignEnding(NOW, WALLCLOCK)])
        assert scheduler().decide(state, NOW, stop_asked=True) == []


class TestAnotherChance:
    def test_trials_that_failed_on_a_bad_node_are_offered_again(self) -> None:
        events = [*running(0, 1, 2), failed(0, job_id="0"), ev.TrialFailed(NOW, 0, "X", "m")]
        state = state_after([*events, failed(1, job_id="1")])
        again = scheduler().offer_elsewhere(state, [0, 1, 2], NOW)
        assert [(e.trial_id, e.attempt) for e in again] == [(0, 1), (1, 1)]  # type: ignore[union-attr]
        for event in again:
            apply(state, event)
        assert state.of(TrialStatus.OFFERED) == {0, 1}

    def test_not_when_the_campaign_is_ending(self) -> None:
        events = [*running(0), failed(0, job_id="0"), ev.CampaignEnding(NOW, "time is up")]
        assert scheduler().offer_elsewhere(state_after(events), [0], NOW) == []
