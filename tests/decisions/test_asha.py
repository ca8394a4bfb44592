"""The promoter against an independent reading of Algorithm 2, and its promises to a user."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

import pytest
from asha_game import Game, Numbered, endings
from hypothesis import given
from hypothesis import strategies as st

from hpo.decisions.asha import MISSED_RUNG, Asha, expected_legs, rung_levels
from hpo.decisions.scheduler import GPU_HOURS, TARGET, Limits, Scheduler
from hpo.errors import TransitionError
from hpo.record import events as ev
from hpo.record.result import Outcome, Result
from hpo.record.state import TrialStatus, apply
from hpo.report.narration import narrate


def get_job(
    results: list[dict[int, float]], promoted: list[set[int]], eta: int
) -> tuple[int, int] | None:
    """Algorithm 2 of the paper, word by word: (trial, next rung) to promote, or None."""
    for k in reversed(range(len(results) - 1)):
        ordered = sorted(results[k], key=lambda trial: (results[k][trial], trial))
        candidates = ordered[: len(ordered) // eta]
        promotable = [t for t in candidates if t not in promoted[k] and results[k][t] < math.inf]
        if promotable:
            return min(promotable), k + 1  # a seat takes the oldest of them first
    return None


@given(endings=endings, eta=st.integers(2, 4), max_t=st.sampled_from([1, 4, 9, 27]))
def test_each_leg_is_the_one_that_algorithm_2_would_start(
    endings: Sequence[tuple[float, bool]], eta: int, max_t: int
) -> None:
    game = Game(
        Asha(max_t=max_t, reduction_factor=eta), n_trials=20, limits={"max_initial_failures": 0}
    )
    rungs = len(game.asha.levels)
    results: list[dict[int, float]] = [{} for _ in range(rungs)]
    promoted: list[set[int]] = [set() for _ in range(rungs)]
    drawn = 0
    for metric, fails in endings:
        expected = get_job(results, promoted, eta)
        if expected is not None:
            promoted[expected[1] - 1].add(expected[0])
        elif drawn < 20:
            expected, drawn = (drawn, 0), drawn + 1
        taken = game.run(metric, "failed" if fails else "completed")
        assert taken == expected
        if taken is None:
            assert game.state.ended is not None
            return
        if not fails:
            results[taken[1]][taken[0]] = metric if math.isfinite(metric) else math.inf


@given(values=st.lists(st.floats(-5, 5), min_size=30, max_size=60))
def test_maximising_is_minimising_the_negative(values: list[float]) -> None:
    small = Game(Asha(max_t=9), n_trials=15)
    large = Game(Asha(max_t=9), n_trials=15, mode="max")
    for value in values:
        assert small.run(value) == large.run(-value)
    assert small.state.best_trial == large.state.best_trial


@pytest.mark.parametrize(
    ("grace", "eta", "max_t", "levels"),
    [
        (1, 3, 243, (1, 3, 9, 27, 81, 243)),
        (1, 10, 1000, (1, 10, 100, 1000)),
        (1, 2, 10, (1, 2, 4, 8, 10)),
        (5, 3, 50, (5, 15, 45, 50)),
        (1, 3, 1, (1,)),
        (4, 4, 4, (4,)),
    ],
)
def test_rungs_are_whole_numbers_and_the_last_is_max_t(
    grace: int, eta: int, max_t: int, levels: tuple[int, ...]
) -> None:
    assert rung_levels(grace, eta, max_t) == levels


def test_paused_trials_cost_nothing_and_the_campaign_ends_with_them() -> None:
    game = Game(Asha(max_t=9), n_trials=9)
    while game.run(1.0) is not None:
        pass
    assert game.state.ended == "all trials ended"
    assert len(game.state.of(TrialStatus.PAUSED)) == 8
    assert len(game.state.of(TrialStatus.COMPLETED)) == 1
    assert [spent for _, _, spent in expected_legs(game.asha, 9)] == [9, 6, 6]
    legs = [e for e in game.events if isinstance(e, ev.LegOffered)]
    assert len(legs) == 9 + 3 + 1


def test_a_failed_trial_does_not_block_its_rung() -> None:
    game = Game(Asha(max_t=3), n_trials=7)
    for metric, outcome in [(1.0, "completed"), (0, "failed"), (2.0, "completed")]:
        game.run(metric, outcome)
    assert game.best_offer() == (3, 0)
    game.run(3.0)
    assert game.best_offer() == (0, 1)


def test_nothing_that_is_not_finite_is_promoted() -> None:
    game = Game(Asha(max_t=3), n_trials=6)
    while game.run(math.nan) is not None:
        pass
    assert len(game.state.of(TrialStatus.PAUSED)) == 6
    assert game.state.best_trial is None


def test_a_trial_that_returns_before_its_rung_fails_with_the_cure() -> None:
    game = Game(Asha(max_t=9, grace_period=3), n_trials=2)
    trial = game.state.trials[0]
    apply(game.state, ev.LegClaimed(1.0, 0, 0, 0, "job"))
    result = Result(Outcome.COMPLETED, 0.1, 2, 5.0)
    apply(game.state, ev.LegFinished(2.0, 0, 0, 0, "job", result))
    game.settle()
    assert trial.status is TrialStatus.FAILED
    assert trial.cause == MISSED_RUNG
    failed = game.events[-1]
    assert isinstance(failed, ev.TrialFailed)
    assert "trial 0" in failed.message
    assert game.state.rungs == {}  # a value counts at its rung or not at all


def test_the_stopping_variant_decides_once() -> None:
    game = Game(Asha(max_t=3, reduction_factor=3, stopping=True), n_trials=4)
    assert game.run(1.0) == (0, 0)  # the first few go on
    assert game.run(1.0) == (0, 1)
    assert game.run(2.0) == (1, 0)
    assert game.run(2.0) == (1, 1)
    assert game.run(3.0) == (2, 0)  # third of three: stopped
    assert game.run(0.5) == (3, 0)  # best of four: goes on
    assert game.run(0.5) == (3, 1)
    assert game.run(0.0) is None
    assert len(game.state.of(TrialStatus.COMPLETED)) == 4


def test_brackets_start_at_higher_rungs_and_do_not_mix() -> None:
    asha = Asha(max_t=27, brackets=3, seed=5)
    game = Game(asha, n_trials=60)
    first = [t.target for t in game.state.trials.values()]
    assert set(first) == {1, 3, 9}
    assert first.count(1) > first.count(3) > first.count(9)
    assert [asha.bracket(i) for i in range(60)] == [t.bracket for t in game.state.trials.values()]
    while game.run(1.0) is not None:
        pass
    for (bracket, rung), entries in game.state.rungs.items():
        assert rung >= bracket
        assert all(game.state.trials[i].bracket == bracket for _, i in entries.ranked)


def test_a_trial_that_gets_worse_on_its_way_up_is_no_longer_the_best() -> None:
    game = Game(Asha(max_t=3), n_trials=3)
    for value in (0.2, 0.3, 0.1):
        game.run(value)
    assert game.state.best_trial == 2
    assert game.run(0.5) == (2, 1)
    assert (game.state.best_trial, game.state.best_metric) == (0, 0.2)


def test_a_lost_leg_is_offered_again_at_its_own_rung() -> None:
    game = Game(Asha(max_t=3), n_trials=3)
    for value in (0.2, 0.3, 0.1):
        game.run(value)
    trial = game.state.trials[2]
    apply(game.state, ev.LegClaimed(9.0, 2, 1, trial.attempt, "x"))
    apply(game.state, ev.LegLost(10.0, 2, 1, trial.attempt, "x", "preempted", "gone", 1))
    game.settle()
    assert (trial.status, trial.rung, trial.target) == (TrialStatus.OFFERED, 1, 3)
    assert game.run(0.1) == (2, 1)


def test_enough_is_enough() -> None:
    game = Game(Asha(max_t=9), limits={"target_metric": 0.05})
    game.run(0.06)
    assert game.state.ending is None
    game.run(0.05)
    assert game.state.ending == TARGET
    game = Game(Asha(max_t=9), limits={"max_seat_s": 25.0})
    for _ in range(2):
        game.run(1.0)
    assert game.state.ending is None
    game.run(1.0)
    assert game.state.ending == GPU_HOURS


def test_a_raised_limit_goes_on_with_promotions() -> None:
    game = Game(Asha(max_t=3), n_trials=3, limits={"max_seat_s": 25.0})
    for value in (0.2, 0.3, 0.1):
        game.run(value)
    assert game.state.ended == GPU_HOURS
    richer = Scheduler(Numbered(), Limits(n_trials=3), game.asha)
    for event in richer.reopen(game.state, 50.0):
        apply(game.state, event)
    game.scheduler = richer
    game.settle()
    assert game.run(0.1) == (2, 1)
    assert game.state.ended == "all trials ended"


def test_an_asha_says_what_its_rung_numbers_stand_for() -> None:
    assert Asha(max_t=9, stopping=True).to_json() == {
        "type": "stopping",
        "levels": [1, 3, 9],
        "reduction_factor": 3,
        "brackets": 1,
    }


def test_a_promotion_without_a_result_is_no_legal_event() -> None:
    game = Game(Asha(max_t=3), n_trials=3)
    trial = game.state.trials[0]
    apply(game.state, ev.OfferRevoked(1.0, 0, 0, 0))
    with pytest.raises(TransitionError, match="promoted from the rung it has reached"):
        apply(game.state, ev.LegOffered(2.0, 0, 1, 1, 3))
    assert (trial.rung, trial.attempt) == (0, 0)


def test_the_log_says_when_a_trial_is_promoted() -> None:
    game = Game(Asha(max_t=3), n_trials=3)
    for value in (0.2, 0.3, 0.1):
        game.run(value)
    promotion = game.events[-1]
    assert isinstance(promotion, ev.LegOffered)
    assert narrate(promotion, game.state) == (logging.INFO, "trial 2 is promoted, to 3")


def test_a_trial_that_is_interrupted_again_and_again_without_progress_fails_in_the_end() -> None:
    game = Game(Asha(max_t=9, grace_period=9), n_trials=1, limits={"max_lost_legs": 2})
    trial = game.state.trials[0]
    for resource in (3, 3, 2, 3):  # the first got somewhere; it never saved
        assert trial.status is TrialStatus.OFFERED
        leg = (0, 0, trial.attempt)
        apply(game.state, ev.LegClaimed(1.0, *leg, "x"))
        result = Result(Outcome.INTERRUPTED, 0.1, resource, 5.0)
        apply(game.state, ev.LegFinished(2.0, *leg, "x", result))
        game.settle()
    assert trial.status is TrialStatus.FAILED
    failed = game.events[-2]
    assert isinstance(failed, ev.TrialFailed)
    assert "save and restore" in failed.message
