"""What is decided about a trial that lost its leg, ran out of memory or met a bad node."""

from __future__ import annotations

from dataclasses import replace

import pytest
from decisions import after, scheduler
from histories import NOW, claimed, failed, lost, offered, running, state_after

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
        unsaved = replace(lost(0, Cause.TIME_LIMIT, job_id="0"), lost_resource=2)
        failure = after([*running(0), unsaved])[0]
        assert isinstance(failure, ev.TrialFailed)
        assert failure.cause == "time_limit"
        assert "raise `time` or lower checkpoint_interval" in failure.message

    def test_where_nothing_moved_no_more_time_is_advised(self) -> None:
        failure = after([*running(0), lost(0, Cause.TIME_LIMIT, job_id="0")])[0]
        assert isinstance(failure, ev.TrialFailed)
        assert failure.cause == "time_limit"
        assert "nothing was reported" in failure.message
        assert "hang_after" in failure.message
        assert "raise" not in failure.message

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

    @pytest.mark.parametrize("message", ["SLURM says CANCELLED", None])
    def test_also_where_it_had_saved_before_it_went(self, message: str | None) -> None:
        told = failed(0, "cancelled", job_id="0", outcome="interrupted", message=message)
        events = [*running(0, 1), told]
        decisions = after(events, n_trials=2)
        assert decisions == [ev.TrialStopped(NOW, 0, message or "its job was cancelled")]
        assert after([*events, *decisions], n_trials=2) == []


def hung(attempt: int, resource: int, node: str = "gpu3") -> ev.LegFinished:
    told = {"attempt": attempt, "resource": resource, "message": "no report", "node": node}
    return failed(0, "hung", job_id=str(attempt), **told)


class TestAfterAHang:
    def hung_at(self, *resources: int) -> list[ev.Event]:
        """Trial 0 hung after it had reported these, in one attempt each."""
        events = running(0)
        for attempt, resource in enumerate(resources):
            events += [offered(0, attempt), claimed(0, str(attempt), attempt)] if attempt else []
            events += [hung(attempt, resource)]
        return events

    def test_the_trial_is_offered_once_more_to_another_node(self) -> None:
        assert after(self.hung_at(0)) == [replace(offered(0, 1), off="gpu3")]

    def test_then_it_fails_as_hung(self) -> None:
        failure = after(self.hung_at(2, 2))[0]
        assert isinstance(failure, ev.TrialFailed)
        assert failure.cause == "hung"
        assert failure.message == "it hung 2 times at the same place, the last time: no report"

    def test_one_that_got_further_in_between_may_hang_again(self) -> None:
        assert after(self.hung_at(2, 4)) == [replace(offered(0, 2), off="gpu3")]

    def test_but_not_one_that_only_repeats_what_it_had_not_saved(self) -> None:
        assert isinstance(after(self.hung_at(4, 2))[0], ev.TrialFailed)
        assert isinstance(after(self.hung_at(4, 2, 3))[0], ev.TrialFailed)

    def test_it_is_kept_off_the_node_also_after_a_preemption(self) -> None:
        events = [*self.hung_at(2), replace(offered(0, 1), off="gpu3"), claimed(0, "1", 1)]
        assert after([*events, lost(0, job_id="1", attempt=1)]) == [
            replace(offered(0, 2), off="gpu3")
        ]
        further = lost(0, job_id="1", attempt=1, saved=5)
        assert after([*events, further]) == [offered(0, 2)]

    def test_a_stopped_campaign_stops_it(self) -> None:
        decisions = after(self.hung_at(0), max_wallclock_s=0.0)
        kinds = [type(decision) for decision in decisions]
        assert kinds == [ev.TrialStopped, ev.CampaignEnding, ev.CampaignEnded]


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
        told = failed(0, "out_of_memory", job_id="0", message="m", resource=0)
        assert self.after([*running(0), told]) == replace(offered(0, 1), mem_mb=6000)
        failure = self.after([*running(0), told], max_mem_mb=0)
        assert isinstance(failure, ev.TrialFailed)
        assert "with mem=4000M: m. Raise" in failure.message
        failure = self.after([*running(0), told], mem_mb=0, max_mem_mb=0)
        assert isinstance(failure, ev.TrialFailed)
        assert "with what its job was given: m. Ask for more, or leave" in failure.message

    def test_one_that_got_further_goes_on_from_there_also_with_the_most_that_it_may_have(
        self,
    ) -> None:
        events = [*running(0), lost(0, Cause.OUT_OF_MEMORY, job_id="0", saved=3)]
        assert self.after(events) == replace(offered(0, 1), mem_mb=6000)
        events += [replace(offered(0, 1), mem_mb=6000), claimed(0, "0", 1)]
        further = lost(0, Cause.OUT_OF_MEMORY, job_id="0", attempt=1, saved=4)
        assert self.after([*events, further]) == replace(offered(0, 2), mem_mb=6000)
        as_before = lost(0, Cause.OUT_OF_MEMORY, job_id="0", attempt=1, saved=3)
        assert isinstance(self.after([*events, as_before]), ev.TrialFailed)

    def test_that_counts_against_nothing(self) -> None:
        events = [*running(0), lost(0, Cause.OUT_OF_MEMORY, job_id="0", saved=3)]
        assert state_after(events).trials[0].losses == 0

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
