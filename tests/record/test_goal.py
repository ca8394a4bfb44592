"""Which of two values is better."""

from __future__ import annotations

import math

import pytest

from hpo.record.goal import Goal


def test_keys_are_smaller_for_what_is_better() -> None:
    low, high = Goal(mode="min"), Goal(mode="max")
    assert low.key(0.1) < low.key(0.2) < low.key(None) == math.inf
    assert high.key(0.2) < high.key(0.1) < high.key(None) == math.inf


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_what_is_not_finite_ranks_last_whatever_the_mode(mode: str, value: float | None) -> None:
    assert Goal(mode=mode).key(value) == math.inf


@pytest.mark.parametrize(("mode", "better"), [("min", True), ("max", False)])
def test_better_is_lower_or_higher_as_the_user_says_and_never_equal(
    mode: str, better: bool
) -> None:
    goal = Goal(mode=mode)
    assert goal.better(1.0, 2.0) is better
    assert goal.better(2.0, 1.0) is not better
    assert not goal.better(1.0, 1.0)


@pytest.mark.parametrize(
    ("trial_value", "mode", "worth"),
    [("last", "min", 0.4), ("best", "min", 0.1), ("best", "max", 0.5)],
)
def test_what_a_trial_is_worth(trial_value: str, mode: str, worth: float) -> None:
    goal = Goal("loss", mode, trial_value=trial_value)
    values = [0.5, None, 0.1, 0.4]
    assert goal.value([{"loss": value} for value in values]) == worth
    assert goal.value([{"loss": None}]) is None
    assert goal.value([]) is None
    diverged = goal.value([{"loss": 0.2}, {"loss": None}])
    assert diverged == (None if trial_value == "last" else 0.2)


def test_a_goal_is_as_jobs_find_it() -> None:
    goal = Goal("loss", "max", "step", "best")
    assert Goal.from_json(goal.to_json()) == goal
    begun_before = {"metric": "loss", "mode": "min", "resource_attr": "epoch"}
    assert Goal.from_json(begun_before) == Goal("loss")
