"""When a campaign ends, breaks or is stopped, and how it goes on after that."""

from __future__ import annotations

from typing import Any

import pytest
from decisions import after, scheduler, settle
from histories import NOW, drawn, failed, finished, lost, offered, running, state_after

from hpo.decisions.scheduler import BREAKER, FINISHED, STOPPED_BY_USER, WALLCLOCK, Scheduler
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.state import CampaignState, TrialStatus, apply, check


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

    def test_what_was_offered_is_taken_back(self) -> None:
        events = [*running(0), drawn(1), offered(1)]
        assert scheduler().outdated_offers(state_after(events)) == set()
        ending = ev.CampaignEnding(NOW, WALLCLOCK)
        assert scheduler().outdated_offers(state_after([*events, ending])) == {1}

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
        apply(state, failed(i, "ImportError", job_id=str(i)))
        settle(state, deciding)
    return state, deciding


class TestCircuitBreaker:
    def test_the_first_failures_with_one_cause_end_the_campaign(self) -> None:
        state, _ = broken()
        assert state.ending == BREAKER
        assert len(state.of(TrialStatus.FAILED)) == 3

    def test_it_trips_as_well_when_they_all_fail_at_once(self) -> None:
        events = running(0, 1, 2) + [failed(i, "ImportError", job_id=str(i)) for i in range(3)]
        decisions = after(events, n_trials=10, max_initial_failures=3)
        assert decisions[3:] == [ev.CampaignEnding(NOW, BREAKER), ev.CampaignEnded(NOW, BREAKER)]

    def test_one_failure_fewer_does_not_trip_it(self) -> None:
        assert broken(2)[0].ending is None

    def test_different_causes_do_not_trip_it(self) -> None:
        events = running(0, 1, 2) + [failed(i, f"Error{i}", job_id=str(i)) for i in range(3)]
        decisions = after(events, n_trials=3, max_initial_failures=3)
        assert decisions[-1] == ev.CampaignEnded(NOW, FINISHED)

    def test_a_result_before_them_disarms_it(self) -> None:
        events = [*running(0, 1, 2, 3), finished(0, job_id="0")]
        events += [failed(i, "ImportError", job_id=str(i)) for i in (1, 2, 3)]
        assert after(events, n_trials=4, max_initial_failures=3)[-1] == ev.CampaignEnded(
            NOW, FINISHED
        )

    def test_zero_turns_it_off(self) -> None:
        events = running(0, 1) + [failed(i, "ImportError", job_id=str(i)) for i in (0, 1)]
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
        apply(state, failed(0, "KeyError", job_id="0"))
        deciding = scheduler(n_trials=4, max_initial_failures=3)
        settle(state, deciding)
        for i in (1, 2, 3):
            apply(state, failed(i, "ImportError", job_id=str(i)))
            settle(state, deciding)
        assert state.ended == BREAKER
        reopened = deciding.reopen(state, NOW)
        assert reopened[1:] == [offered(i, 1) for i in (1, 2, 3)]


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
