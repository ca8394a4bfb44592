"""What is decided at the start, after a leg that ended, and how many offers lie ready."""

from __future__ import annotations

from dataclasses import replace

import pytest
from decisions import after, scheduler, settle
from histories import (
    NOW,
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

from hpo.decisions.limits import Limits
from hpo.decisions.needs import kept_off
from hpo.decisions.scheduler import FINISHED, Scheduler
from hpo.decisions.whole_trials import WholeTrials
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.state import TrialStatus, apply, check
from hpo.search.random import AsyncRandomSearch


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
        decisions = after([*running(0, 1), failed(0, "KeyError", job_id="0")], n_trials=2)
        assert decisions == [ev.TrialFailed(NOW, 0, "KeyError", "bad 0")]

    def test_a_failure_without_words_still_has_a_cause(self) -> None:
        ended = finished(0, None, job_id="0", outcome="failed")
        decisions = after([*running(0), ended])
        assert decisions[0] == ev.TrialFailed(NOW, 0, "failed", "")


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


class TestKeptOff:
    """Nodes that seats need not try for the offers that there are."""

    def kept_off(self, *offs: str, now: float = NOW, working: tuple[str, ...] = ("n2",)) -> object:
        offers = [replace(offered(i), off=off) for i, off in enumerate(offs)]
        events = [event for offer in offers for event in (drawn(offer.trial_id), offer)]
        return kept_off(state_after([ev.CampaignStarted(NOW), *events]), now, working)

    def test_where_all_offers_are_to_be_kept_off_it(self) -> None:
        assert self.kept_off("n1") == self.kept_off("n1", "n1") == {"n1"}
        assert self.kept_off("n1", "n3") == {"n1", "n3"}

    def test_not_where_others_could_run_there(self) -> None:
        assert self.kept_off() == self.kept_off("n1", "") == set()

    @pytest.mark.parametrize(("working", "for_s"), [(("n2",), 1800), (("n1",), 300), ((), 300)])
    def test_not_for_ever_and_shorter_where_it_may_be_the_only_one(
        self, working: tuple[str, ...], for_s: float
    ) -> None:
        assert self.kept_off("n1", now=NOW + for_s - 1, working=working) == {"n1"}
        assert self.kept_off("n1", now=NOW + for_s, working=working) == set()


def test_it_says_what_it_was_made_of() -> None:
    search, limits, legs = AsyncRandomSearch({"lr": [1, 2]}, 0), Limits(n_trials=3), WholeTrials()
    made = Scheduler(search, limits, legs)
    assert (made.searcher, made.limits, made.legs) == (search, limits, legs)
