"""An invented objective for simulated campaigns: every trial has a learning curve of its own.

Owns the curves. Where early values say nothing about late ones halving would be pointless, so that
most trials keep their order and some cross. Nothing of a configuration enters but its trial number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hpo.record.goal import Goal

RATE_SPREAD = 0.6  # sigma: the fast learners of the first rung are not always the best of the last


def error_at(seed: int, trial_id: int, share: float) -> float:
    """The error, from 1 down, after that share (0 to 1) of the longest training."""
    random = np.random.default_rng([seed, trial_id, 3, 0, 21])
    floor, rate = float(random.beta(2.0, 3.0)), 5.0 * float(random.lognormal(0.0, RATE_SPREAD))
    return floor + (1.0 - floor) * math.exp(-rate * share)


def make_objective(
    *, seed: int, max_t: int, goal: Goal
) -> Callable[[Mapping[str, Any], Any], None]:
    """An objective that reports once, at the end of its leg, and goes on from its checkpoint."""

    def objective(config: Mapping[str, Any], trial: Any) -> None:
        del config
        trial.restore(state={"trained": 0})
        end = trial.max_resource or max_t
        if trial.resource < end:
            value = goal.key(error_at(seed, trial.trial_id, end / max_t))
            trial.report(**{goal.resource: end, goal.metric: value})

    return objective
