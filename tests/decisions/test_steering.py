"""What people ask of a campaign: met, or refused by a sentence; what the search makes of it."""

from __future__ import annotations

from typing import Any

import pytest
from decisions import settle
from histories import (
    NOW,
    ListedSearch,
    claimed,
    config,
    drawn,
    failed,
    finished,
    offered,
    running,
    state_after,
)

from hpo.decisions.asha import Asha, longer
from hpo.decisions.scheduler import FINISHED, STOPPED_BY_USER, TARGET, Limits, Scheduler
from hpo.decisions.steering import Answer
from hpo.record import events as ev
from hpo.record.requests import Enqueue, Extend, Request, RetryTrials, StopTrial
from hpo.record.state import CampaignState, TrialStatus, apply, check
from hpo.space.space import Space, read_space
from hpo.values import canonical

WHO = "hal"
SPACE, _ = read_space({"lr": [0.5**n for n in range(99)] + [7.0], "max_epochs": 9})


def make(
    n_trials: int = 2, legs: Asha | None = None, space: Space | None = SPACE, **limits: Any
) -> Scheduler:
    return Scheduler(ListedSearch(10**6), Limits(n_trials, **limits), legs, space)


def ask(state: CampaignState, request: Request, scheduler: Scheduler | None = None) -> list[str]:
    """Ask, and let what is accepted happen; why the rest is refused."""
    answer = (scheduler or make()).answer(state, "token", request, NOW)
    if answer.event is not None:
        apply(state, answer.event)
    assert check(state) == []
    return answer.refused


def refusals(state: CampaignState, request: Request, scheduler: Scheduler | None = None) -> str:
    answer = (scheduler or make()).answer(state, "token", request, NOW)
    assert answer.event is None
    return "; ".join(answer.refused)


def trial(trial_id: int, status: TrialStatus, state: CampaignState) -> bool:
    return trial_id in state.of(status)


class TestStop:
    def test_what_runs_stops_when_it_has_left_and_stays_stopped(self) -> None:
        state = state_after(running(0, 1))
        assert ask(state, StopTrial(0, WHO, NOW)) == []
        assert settle(state, make()) == []
        apply(state, finished(0, job_id="0", outcome="interrupted", resource=3))
        assert settle(state, make()) == [ev.TrialStopped(NOW, 0, STOPPED_BY_USER)]
        assert check(state) == []

    def test_what_waits_for_a_job_is_taken_back_and_stopped(self) -> None:
        state = state_after([ev.CampaignStarted(NOW), drawn(0), offered(0)])
        assert make(1).outdated_offers(state) == set()
        ask(state, StopTrial(0, WHO, NOW))
        assert make(1).outdated_offers(state) == {0}
        apply(state, ev.OfferRevoked(NOW, 0, 0, 0))
        assert settle(state, make(1)) == [
            ev.TrialStopped(NOW, 0, STOPPED_BY_USER),
            ev.CampaignEnded(NOW, FINISHED),
        ]

    def test_a_trial_at_rest_stops_at_once_and_is_not_promoted(self) -> None:
        legs = Asha(max_t=27, grace_period=9)
        state = state_after([*running(0, 1, 2)])
        for trial_id in range(3):
            apply(state, finished(trial_id, 0.1 * trial_id, job_id=str(trial_id)))
        # Rest first, as two are too few to promote from.
        apply(state, ev.TrialPaused(NOW, 0))
        ask(state, StopTrial(0, WHO, NOW))
        decisions = settle(state, make(3, legs))
        assert ev.TrialStopped(NOW, 0, STOPPED_BY_USER) in decisions
        assert not any(isinstance(event, ev.LegOffered) for event in decisions)
        assert state.best_trial == 0  # its value stands

    def test_one_that_was_faster_is_complete_or_has_failed(self) -> None:
        state = state_after(running(0, 1))
        for trial_id in (0, 1):
            answer = make().answer(state, f"token{trial_id}", StopTrial(trial_id, WHO, NOW), NOW)
            assert answer.event is not None
            apply(state, answer.event)
        apply(state, finished(0, job_id="0"))
        apply(state, failed(1, job_id="1"))
        settle(state, make())
        assert trial(0, TrialStatus.COMPLETED, state)
        assert trial(1, TrialStatus.FAILED, state)
        assert state.stopping == set()

    def test_it_stays_stopped_when_the_campaign_goes_on_and_goes_on_when_it_is_retried(
        self,
    ) -> None:
        state = state_after(running(0, 1))
        ask(state, StopTrial(0, WHO, NOW))
        apply(state, finished(0, job_id="0", outcome="interrupted", resource=3))
        apply(state, finished(1, job_id="1", outcome="interrupted", resource=3))
        made = make().decide(state, NOW, stop_asked=True)
        for event in made:
            apply(state, event)
        assert [e.trial_id for e in made if isinstance(e, ev.TrialStopped)] == [0, 1]
        for event in make().reopen(state, NOW):
            apply(state, event)
        assert settle(state, make()) == [offered(1, 1)]
        answer = make().answer(state, "second", RetryTrials([0], WHO, NOW), NOW)
        assert answer.event is not None
        apply(state, answer.event)
        assert settle(state, make()) == [offered(0, 1)]

    def test_a_trial_that_the_campaigns_end_stopped_can_be_told_to_stay_so(self) -> None:
        state = state_after(running(0))
        apply(state, finished(0, job_id="0", outcome="interrupted", resource=3))
        for event in make(1).decide(state, NOW, stop_asked=True):
            apply(state, event)
        ask(state, StopTrial(0, WHO, NOW), make(1))
        for event in make(1).reopen(state, NOW):
            apply(state, event)
        assert settle(state, make(1)) == [ev.CampaignEnded(NOW, FINISHED)]

    def test_a_failed_one_that_was_to_stop_gets_no_other_chance_by_itself(self) -> None:
        state = state_after(running(0, 1))
        ask(state, StopTrial(0, WHO, NOW))
        apply(state, failed(0, job_id="0"))
        settle(state, make())
        assert make().offer_elsewhere(state, {0}, NOW) == []

    def test_refused_are_unknown_ended_and_stopped_ones(self) -> None:
        assert refusals(state_after([]), StopTrial(3, WHO, NOW)) == "there is no trial 3"
        state = state_after(running(0, 1))
        assert refusals(state, StopTrial(3, WHO, NOW)).endswith("trial 3: 0 to 1 are known")
        ask(state, StopTrial(1, WHO, NOW))
        assert "as hal asked" in refusals(state, StopTrial(1, WHO, NOW))
        apply(state, finished(0, job_id="0"))
        settle(state, make())
        assert refusals(state, StopTrial(0, WHO, NOW)) == "trial 0 is complete"


class TestRetry:
    def test_a_failed_trial_goes_on_from_what_it_saved(self) -> None:
        state = state_after([*running(0, 1), failed(0, job_id="0", resource=4)])
        settle(state, make())
        assert ask(state, RetryTrials([0], WHO, NOW)) == []
        assert settle(state, make()) == [offered(0, 1)]
        assert state.trials[0].resource == 4
        assert state.trials[0].fresh_from is None

    def test_a_complete_one_runs_again_from_the_start_as_if_it_had_never_run(self) -> None:
        legs = Asha(max_t=9, grace_period=9)
        state = state_after([*running(0, 1), finished(0, 0.1, job_id="0")])
        settle(state, make(2, legs))
        assert "(--from-start)" in refusals(state, RetryTrials([0], WHO, NOW))
        assert state.best_trial == 0
        ask(state, RetryTrials([0], WHO, NOW, from_start=True))
        assert state.best_trial is None
        assert state.rungs[0, 0].ranked == []
        assert settle(state, make(2, legs)) == [offered(0, 1)]
        assert (state.trials[0].resource, state.trials[0].fresh_from) == (0, 1)
        apply(state, claimed(0, "8", 1))
        apply(state, finished(0, 0.3, job_id="8", attempt=1))
        settle(state, make(2, legs))
        assert [i for _, i in state.rungs[0, 0].ranked] == [0]

    def test_one_that_was_promoted_starts_at_its_first_rung_again(self) -> None:
        legs = Asha(max_t=27, grace_period=9)
        state = state_after(running(0, 1, 2))
        for trial_id in range(3):
            apply(state, finished(trial_id, 0.1 * trial_id, job_id=str(trial_id)))
        settle(state, make(3, legs))  # trial 0 is promoted
        apply(state, ev.LegClaimed(NOW, 0, 1, 1, "8"))
        result = finished(0, 0.05, job_id="8", resource=27).result
        apply(state, ev.LegFinished(NOW, 0, 1, 1, "8", result))
        apply(state, ev.TrialCompleted(NOW, 0))
        ask(state, RetryTrials([0, 1], WHO, NOW, from_start=True), make(3, legs))
        assert [(t.rung, t.resource) for t in (state.trials[0], state.trials[1])] == [(0, 0)] * 2
        assert 0 not in state.rungs[0, 0].promoted
        assert state.rungs[0, 1].ranked == []

    def test_a_trial_that_never_ran_has_nothing_to_be_set_aside(self) -> None:
        state = state_after([ev.CampaignStarted(NOW), drawn(0), offered(0)])
        ask(state, StopTrial(0, WHO, NOW))
        apply(state, ev.OfferRevoked(NOW, 0, 0, 0))
        settle(state, make(1))
        answer = make(1).answer(state, "b", RetryTrials([0], WHO, NOW, from_start=True), NOW)
        assert answer.event is not None
        apply(state, answer.event)
        assert state.trials[0].fresh_from is None

    def test_one_that_was_stopped_at_its_rung_rests_there_again(self) -> None:
        legs = Asha(max_t=27, grace_period=9)
        state = state_after([*running(0, 1), finished(0, job_id="0")])
        settle(state, make(2, legs))
        ask(state, StopTrial(0, WHO, NOW), make(2, legs))
        settle(state, make(2, legs))
        assert trial(0, TrialStatus.STOPPED, state)
        answer = make(2, legs).answer(state, "b", RetryTrials([0], WHO, NOW), NOW)
        assert answer.event is not None
        apply(state, answer.event)
        assert settle(state, make(2, legs)) == [ev.TrialPaused(NOW, 0)]
        assert len(state.rungs[0, 0].ranked) == 1

    def test_what_can_be_run_again_is_and_the_rest_is_refused_by_name(self) -> None:
        state = state_after([*running(0, 1, 2), failed(0, job_id="0")])
        settle(state, make(3))
        ask(state, StopTrial(2, WHO, NOW))
        answer = make(3).answer(state, "b", RetryTrials([0, 0, 1, 2, 9], WHO, NOW), NOW)
        assert answer.event == ev.RetryAsked(NOW, "b", WHO, [0])
        assert answer.refused == [
            "trial 1 runs",
            "trial 2 runs, and is about to stop: ask again when it has",
            "there is no trial 9: 0 to 2 are known",
        ]

    def test_at_the_end_of_the_campaign_it_is_stopped_and_offered_when_that_goes_on(self) -> None:
        state = state_after([*running(0, 1), failed(0, job_id="0")])
        settle(state, make())
        apply(state, ev.CampaignEnding(NOW, TARGET))
        ask(state, RetryTrials([0], WHO, NOW))
        assert settle(state, make()) == [ev.TrialStopped(NOW, 0, TARGET)]


class TestEnqueue:
    def test_points_are_drawn_before_the_searcher_is_asked_which_draws_as_without(self) -> None:
        state = state_after([ev.CampaignStarted(NOW), drawn(0), offered(0)])
        ask(state, Enqueue([{"lr": 7.0}], WHO, NOW))
        made = settle(state, Scheduler(Remembering(), Limits(3), None, SPACE))
        point = {"lr": 7.0, "max_epochs": 9}
        assert [e for e in made if isinstance(e, ev.TrialDrawn)] == [
            ev.TrialDrawn(NOW, 1, point, enqueued=True),
            ev.TrialDrawn(NOW, 2, config(1)),
            ev.TrialDrawn(NOW, 3, config(2)),
        ]
        assert check(state) == []

    def test_a_space_that_holds_no_more_still_takes_what_was_enqueued(self) -> None:
        state = state_after([ev.CampaignStarted(NOW), drawn(0), offered(0)])
        apply(state, ev.SearchExhausted(NOW, 1))
        ask(state, Enqueue([{"lr": 7.0}], WHO, NOW))
        assert sum(make(9).legs_to_come(state).values()) == 1
        made = settle(state, make(9))
        assert [type(event) for event in made] == [ev.TrialDrawn, ev.LegOffered]

    def test_what_is_not_in_the_space_and_what_was_tried_is_told_at_once(self) -> None:
        state = state_after([ev.CampaignStarted(NOW), drawn(0), offered(0)])
        points: list[dict[str, float]]
        points = [{"lr": 5}, {"lr": 1.0}, {"lr": 7.0}, {"lr": 7}, {"width": 1, "lr": 6}]
        assert ask(state, Enqueue(points, WHO, NOW)) == [
            "point 1: lr=5 is not in " + SPACE_WORDS,
            "point 2 is trial 0 already",
            "point 4 is given twice",
            "point 5: the space has no 'width'; lr=6 is not in " + SPACE_WORDS,
        ]
        assert refusals(state, Enqueue([{"lr": 7.0}], WHO, NOW)) == "point 1 is enqueued already"

    def test_without_a_space_nobody_can_say_what_a_point_is(self) -> None:
        words = refusals(state_after([]), Enqueue([{}], WHO, NOW), make(space=None))
        assert "nobody here knows the space" in words

    def test_an_ended_campaign_is_opened_again_before_the_points_are_there(self) -> None:
        state = state_after([*running(0), finished(0, job_id="0")])
        settle(state, make(1))
        assert state.ended is not None
        event = make(1).answer(state, "b", Enqueue([{"lr": 7.0}], WHO, NOW), NOW).event
        assert event is not None
        first = make(1).reopen_for(state, event, NOW)
        for one in (*first, event):
            apply(state, one)
            assert check(state) == []
        assert len(settle(state, make(1))) == 2

    def test_a_crash_between_leaves_a_campaign_that_is_opened_for_its_points(self) -> None:
        state = state_after([*running(0), finished(0, job_id="0")])
        settle(state, make(1))
        event = make(1).answer(state, "b", Enqueue([{"lr": 7.0}], WHO, NOW), NOW).event
        assert event is not None
        apply(state, event)
        assert make(1).reopen(state, NOW)


SPACE_WORDS = f"choice(values={[0.5**n for n in range(99)] + [7.0]})"


class TestExtend:
    def test_more_trials_are_drawn_until_the_configuration_says_another_number(self) -> None:
        state = state_after([*running(0, 1)])
        ask(state, Extend(WHO, NOW, more_trials=2))
        assert len(settle(state, make(2))) == 4
        assert len(state.trials) == 4
        # The configuration was edited since: the last word counts.
        assert settle(state, make(5))[0] == drawn(4)
        assert refusals(state, Extend(WHO, NOW, n_trials=4), make(2)).startswith(
            "the search has 4 trials already"
        )

    def test_the_best_of_the_last_rung_go_on_to_the_new_one(self) -> None:
        legs = Asha(max_t=9, grace_period=9, max_resource_attr="max_epochs")
        state = state_after(running(0, 1, 2))
        for trial_id in range(3):
            apply(state, finished(trial_id, 0.1 * trial_id, job_id=str(trial_id)))
        settle(state, make(3, legs))
        assert state.ended == FINISHED
        answer = make(3, legs).answer(state, "b", Extend(WHO, NOW, max_t=100), NOW)
        assert isinstance(answer.event, ev.CampaignExtended)
        assert answer.event.levels == (9, 27, 81, 100)
        for event in (*make(3, legs).reopen_for(state, answer.event, NOW), answer.event):
            apply(state, event)  # type: ignore[arg-type]  # mypy joins them to object
            assert check(state) == []
        made = settle(state, make(3, legs))
        assert [event for event in made if isinstance(event, ev.LegOffered)] == [
            ev.LegOffered(NOW, 0, 1, 1, 27, final=False)
        ]
        assert state.of(TrialStatus.PAUSED) == {1, 2}
        assert {t.config["max_epochs"] for t in state.trials.values()} == {100}
        assert refusals(state, Extend(WHO, NOW, max_t=81), make(3, legs)) == (
            "its rungs go to 100 already, and none is taken off"
        )

    def test_a_searcher_that_knows_the_former_end_is_asked_for_no_point_twice(self) -> None:
        legs = Asha(max_t=9, grace_period=9, max_resource_attr="max_epochs")
        state = state_after(running(0))
        ask(state, Extend(WHO, NOW, max_t=27, more_trials=2), make(1, legs))
        search = Remembering()
        scheduler = Scheduler(search, Limits(1), legs, SPACE)
        made = settle(state, scheduler)
        assert search.was_taken == [True, False, True, False]
        assert [e.config for e in made if isinstance(e, ev.TrialDrawn)] == [
            config(trial_id) | {"max_epochs": 27} for trial_id in (1, 2)
        ]

    def test_one_whose_code_returned_early_is_complete_for_good(self) -> None:
        legs = Asha(max_t=9, grace_period=9)
        state = state_after(running(0))
        apply(state, finished(0, job_id="0", resource=5, early=True))
        settle(state, make(1, legs))
        event = make(1, legs).answer(state, "b", Extend(WHO, NOW, max_t=27), NOW).event
        assert event is not None
        for one in (*make(1, legs).reopen_for(state, event, NOW), event):
            apply(state, one)
        assert trial(0, TrialStatus.COMPLETED, state)

    def test_a_raised_max_t_in_the_configuration_comes_to_the_same(self) -> None:
        begun = Asha(max_t=9, grace_period=9)
        edited = Asha(max_t=27, grace_period=9, ladder=(9,))
        state = state_after([*running(0), finished(0, job_id="0")])
        settle(state, make(1, begun))
        asked = make(1, begun).answer(state, "b", Extend(WHO, NOW, max_t=27), NOW).event
        reopened, event = make(1, edited).extended(state, NOW)
        assert isinstance(reopened, ev.CampaignReopened)
        assert isinstance(asked, ev.CampaignExtended)
        assert isinstance(event, ev.CampaignExtended)
        assert (event.levels, event.last_rung) == (asked.levels, asked.last_rung)
        apply(state, reopened)
        apply(state, event)
        assert make(1, edited).extended(state, NOW) == []
        assert make(1, begun).extended(state, NOW) == []
        assert make(1).extended(state, NOW) == []
        assert settle(state, make(1, edited))[0] == ev.TrialPaused(NOW, 0)

    def test_without_rungs_there_is_none_to_add(self) -> None:
        words = refusals(state_after([]), Extend(WHO, NOW, max_t=81))
        assert "the campaign has no rungs" in words

    @pytest.mark.parametrize(
        ("levels", "max_t", "expected"),
        [
            ((1, 3, 9, 27), 81, (1, 3, 9, 27, 81)),
            ((1, 3, 9, 20), 81, (1, 3, 9, 20, 60, 81)),
            ((1, 3), 4, (1, 3, 4)),
            ((1, 3), 3, (1, 3)),
        ],
    )
    def test_rungs_are_only_ever_added(
        self, levels: tuple[int, ...], max_t: int, expected: tuple[int, ...]
    ) -> None:
        assert longer(levels, 3, max_t) == expected


class Remembering:
    """Gives the configurations of `config`, and looks whether the last and this one were tried."""

    def __init__(self) -> None:
        self.was_taken: list[bool] = []

    def suggest(self, trial_id: int, taken: Any, results: Any = ()) -> dict[str, Any] | None:
        del results
        self.was_taken += [canonical(config(trial_id - back)) in taken for back in (1, 0)]
        return config(trial_id)


def test_a_request_that_was_taken_up_is_not_taken_up_again() -> None:
    state = state_after(running(0))
    ask(state, StopTrial(0, WHO, NOW))
    assert state.tokens == {"token"}
    answer: Answer = make().answer(state, "token", Extend(WHO, NOW, more_trials=1), NOW)
    assert answer.event is not None
    with pytest.raises(Exception, match="taken up before"):
        apply(state, answer.event)
