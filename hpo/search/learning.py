"""What searchers that learn have in common: what they learn from, and when they are believed.

Keeps nothing that the trials could not restore, but what a configuration is as a point.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hpo.search.coding import Coding, Points
from hpo.search.random import AsyncRandomSearch
from hpo.search.searcher import History, Tried
from hpo.space.space import Space
from hpo.values import JsonValue, canonical

LEAST = 8  # results of one rung that can be learned from; with many axes two more than those


@dataclass(frozen=True, slots=True)
class Evidence:
    """What can be compared: points with the errors that they have at one resource.

    The errors are infinite where a trial diverged or failed. `pending` are points that run and have
    no such error yet. While a trial after the other is drawn, only those change.
    """

    points: Points
    errors: NDArray[np.float64]
    pending: Points

    @property
    def n_finite(self) -> int:
        """How many results there are."""
        return int(np.isfinite(self.errors).sum())

    def order(self) -> NDArray[np.intp]:
        """The rows, the best first; of equal ones the earlier trial."""
        return np.argsort(self.errors, kind="stable")


class Model(Protocol):
    """Says which points are worth a trial."""

    def propose(
        self, generator: np.random.Generator, coding: Coding, seen: Evidence
    ) -> Iterable[Points]:
        """Points, the best first; none where a random one is wanted."""
        ...


class LearningSearcher:
    """Random at first, then what a model proposes; never the same configuration twice."""

    def __init__(
        self,
        model: Model,
        space: Space,
        seed: int,
        points_to_evaluate: Sequence[Mapping[str, Any]] = (),
        *,
        n_initial: int,
    ) -> None:
        """Search `space`, after the given points, and `n_initial` trials in all without a model."""
        self._model = model
        self._seed = seed
        self._random = AsyncRandomSearch(space, seed, points_to_evaluate)
        self._n_points = len(self._random.points)
        self._n_initial = n_initial
        self._coding = Coding(space)
        self._seen = (History(), 0, Evidence(*[np.empty(0)] * 3))
        self._known: dict[int, tuple[Mapping[str, Any], list[float]]] = {}

    def suggest(
        self, trial_id: int, taken: Collection[str], results: Iterable[Tried] = ()
    ) -> dict[str, JsonValue] | None:
        """See `Searcher.suggest`; None when every configuration of a finite space is taken."""
        if trial_id >= max(self._n_initial, self._n_points):
            seen = self.evidence(History.of(results))
            if seen.n_finite >= max(2, self._n_initial // 2):
                # A stream of its own: random search uses that of (seed, trial_id).
                generator = np.random.default_rng([self._seed, trial_id, 2])
                for point in self._model.propose(generator, self._coding, seen):
                    config = self._coding.config(point)
                    if canonical(config) not in taken:
                        return config
        return self._random.suggest(trial_id, taken)

    def evidence(self, history: History) -> Evidence:
        """The results of the highest rung that has enough of them, as BOHB chooses it.

        S. Falkner et al., "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", ICML
        2018. A trial that was trained to its own end counts at every rung.
        """
        trials = history.trials
        before, n_before, seen = self._seen
        if before is history:  # asked once more: only drawn trials came to it
            drawn = self._points([tried for tried in trials[n_before:] if tried.is_open])
            seen = replace(seen, pending=np.vstack([seen.pending, drawn]))
        else:
            seen = self._compared(trials)
        self._seen = (history, len(trials), seen)
        return seen

    def _compared(self, trials: Sequence[Tried]) -> Evidence:
        least = max(LEAST, len(self._coding) + 2)
        levels = {at for tried in trials for at in tried.errors} or {0}
        for level in sorted(levels, reverse=True):
            errors = [tried.error_at(level) for tried in trials]
            if sum(error is not None and error < math.inf for error in errors) >= least:
                break
        rows = [k for k, error in enumerate(errors) if error is not None]
        waiting = [k for k, error in enumerate(errors) if error is None and trials[k].is_open]
        return Evidence(
            self._points([trials[k] for k in rows]),
            np.array([errors[k] for k in rows], dtype=float),
            self._points([trials[k] for k in waiting]),
        )

    def _points(self, trials: Sequence[Tried]) -> Points:
        rows = [self._point(tried) for tried in trials]
        return np.array(rows, dtype=float).reshape(len(rows), len(self._coding))

    def _point(self, tried: Tried) -> list[float]:
        """Looked up where it can be: a trial has been seen before, and its configuration stays."""
        config, point = self._known.get(tried.trial_id, (None, []))
        if config != tried.config:
            point = self._coding.point(tried.config)
            self._known[tried.trial_id] = (tried.config, point)
        return point
