"""Spaces of all kinds, and searches of them in memory, for the tests of searchers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from scipy import stats

from hpo.search.named import SEARCHERS
from hpo.search.random import AsyncRandomSearch
from hpo.search.searcher import History, Searcher, Tried
from hpo.settings.searchers import MODELS
from hpo.space.domains import (
    choice,
    lograndint,
    loguniform,
    ordinal,
    quantized,
    randint,
    uniform,
)
from hpo.space.space import Space, read_space
from hpo.values import canonical


def space_of(raw: dict[str, Any]) -> Space:
    space, problems = read_space(raw)
    assert problems == []
    return space


NUMBERS = space_of({"lr": loguniform(1e-4, 1), "momentum": uniform(0, 1)})
MIXED = space_of(
    {
        "lr": loguniform(1e-4, 1),
        "width": lograndint(8, 13),
        "depth": randint(1, 5),
        "drop": quantized(uniform(0, 0.5), 0.25),
        "size": ordinal(["small", "medium", "large"]),
        "activation": ["relu", "tanh", "relu"],
        "noise": stats.norm(0, 1),
        "draws": stats.poisson(3),
        "epochs": 9,
        "optimizer": [
            {"name": "sgd", "momentum": uniform(0, 1), "nesterov": choice([True, False])},
            {"name": "adam", "deep": {"beta": [{"b": loguniform(0.001, 0.1)}, 0]}},
            "none",
        ],
        "inner": {"a": uniform(-1, 1), "b": [{"x": choice([1, 2]), "y": {"z": randint(1, 3)}}, 0]},
    }
)
FINITE = space_of({"a": randint(1, 6), "b": ["x", "y"], "c": ordinal([1, 10, 100])})
SINGLE = space_of({"a": 3, "b": [5]})
SPACES = {"numbers": NUMBERS, "mixed": MIXED, "finite": FINITE, "single": SINGLE}


def make(name: str, space: Space, seed: int = 0, points: Any = (), **settings: Any) -> Searcher:
    chosen = MODELS[name](**settings).model_dump(exclude={"name"})
    return SEARCHERS[name](space, seed, points, **chosen)


def bowl(config: dict[str, Any]) -> float:
    """Best at lr 0.01 and momentum 0.9."""
    return float((math.log10(config["lr"]) + 2) ** 2 + 4 * (config["momentum"] - 0.9) ** 2)


def search(
    searcher: Searcher,
    n_trials: int,
    function: Callable[[dict[str, Any]], float],
    *,
    n_running: int = 4,
) -> list[Tried]:
    """Trials that end in the order in which they began, `n_running` later."""
    trials: list[Tried] = []
    for trial_id in range(n_trials):
        taken = {canonical(tried.config) for tried in trials}
        config = searcher.suggest(trial_id, taken, History(trials))
        if config is None:
            break
        trials.append(Tried(trial_id, config, math.inf, 0, "running", final=False))
        if trial_id >= n_running:
            trials[-n_running] = ended(trials[-n_running], function)
    return [ended(tried, function) for tried in trials]


def random_trials(
    space: Space, n_trials: int, function: Callable[[dict[str, Any]], float]
) -> list[Tried]:
    """So many that have ended, of a space so large that none comes twice."""
    random = AsyncRandomSearch(space, 0)
    configs = [random.suggest(trial_id, ()) or {} for trial_id in range(n_trials)]
    return [ended(Tried(i, config, math.inf, 0), function) for i, config in enumerate(configs)]


def ended(tried: Tried, function: Callable[[dict[str, Any]], float]) -> Tried:
    """With its result; one that is not finite diverged."""
    error = function(tried.config)
    cause = None if error < math.inf else "diverged"
    return Tried(tried.trial_id, tried.config, error, 9, "completed", cause, {9: error})
