"""Quasi-random search: the points of a scrambled Sobol sequence, which fill a space evenly.

A. B. Owen, "Scrambling Sobol' and Niederreiter-Xing Points", Journal of Complexity 1998; the
sequence is scipy's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from hpo.search.coding import Coding, Points
from hpo.search.random import AsyncRandomSearch
from hpo.search.searcher import Tried
from hpo.space.space import Space
from hpo.values import JsonValue, canonical


class SobolSearch:
    """Trial n is the n-th point; where that is taken, one drawn at random."""

    def __init__(
        self,
        space: Space,
        seed: int,
        points_to_evaluate: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Search `space`, after the given points; the seed scrambles the sequence."""
        self._seed = seed
        self._random = AsyncRandomSearch(space, seed, points_to_evaluate)
        self._coding = Coding(space)
        self._points: Points | None = None

    def suggest(
        self, trial_id: int, taken: Collection[str], results: Iterable[Tried] = ()
    ) -> dict[str, JsonValue] | None:
        """See `Searcher.suggest`; None when every configuration of a finite space is taken."""
        del results
        index = trial_id - len(self._random.points)
        if index >= 0 and len(self._coding):
            config = self._coding.config(self._point(index))
            if canonical(config) not in taken:
                return config
        return self._random.suggest(trial_id, taken)

    def _point(self, index: int) -> Points:
        """Of the first 2^m points that have it: those are the same in each longer sequence."""
        if self._points is None or index >= len(self._points):
            from scipy.stats import qmc  # here, because importing it takes 0.8 s

            engine = qmc.Sobol(len(self._coding), scramble=True, seed=self._seed)
            drawn = engine.random_base2(max(7, int(index).bit_length()))
            self._points = self._coding.at_quantiles(drawn)
        point: Points = self._points[index]
        return point
