"""What is decided about a trial that lost its leg, ran out of memory or met a bad node."""

from __future__ import annotations

from dataclasses import replace

import pytest
from decisions import after, scheduler
from histories import NOW, claimed, failed, finished, lost, offered, running, state_after

from hpo.record import events as ev
from hpo.record.causes import INFRASTRUCTURE, Cause
from hpo.record.state import TrialStatus, apply


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
        failure = self.after([*running(0), told], max_mem_mb=0)
        assert isinstance(failure, ev.TrialFailed)
        assert "with mem=4000M: m. Raise" in failure.message

    def test_then_the_trial_fails_and_says_what_was_tried_and_what_to_change(self) -> None:
        failure = self.after(self.ran_out(6000))
        assert isinstance(failure, ev.TrialFailed)
        assert failure.cause == "out_of_memory"
        assert "mem=4000M, then raised to 6000M: its job was out_of_memory" in failure.message
        assert "Raise `mem` in get_slurm_config(), or `max_mem` (now 6000M)" in failure.message

    def test_a_higher_limit_allows_more_than_one_step(self) -> None:
        again = self.after(self.ran_out(6000), max_mem_mb=8000)
        assert isinstance(again, ev.LegOffered)
        assert again.mem_mb == 8000
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


class TestAnotherChance:
    def test_trials_that_failed_on_a_bad_node_are_offered_again(self) -> None:
        events = [*running(0, 1, 2), failed(0, job_id="0"), ev.TrialFailed(NOW, 0, "X", "m")]
        state = state_after([*events, failed(1, job_id="1")])
        again = scheduler().offer_elsewhere(state, [0, 1, 2], NOW)
        assert again == [offered(0, 1), offered(1, 1)]
        for event in again:
            apply(state, event)
        assert state.of(TrialStatus.OFFERED) == {0, 1}

    def test_not_when_the_campaign_is_ending(self) -> None:
        events = [*running(0), failed(0, job_id="0"), ev.CampaignEnding(NOW, "time is up")]
        assert scheduler().offer_elsewhere(state_after(events), [0], NOW) == []
