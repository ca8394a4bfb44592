"""Local search: one hyperparameter of one of the best configurations is drawn anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hpo.search.coding import Coding, Points
from hpo.search.learning import Evidence, LearningSearcher
from hpo.space.space import Space

TRIES = 64  # until it is one that nobody has tried


@dataclass(frozen=True, slots=True)
class LocalSteps:
    """Steps from the best `share` of the trials, one at least, `TOP` at most.

    `p_random` is the share of trials that are drawn from the whole space, against getting stuck.
    """

    p_random: float
    n_best: int

    def propose(
        self, generator: np.random.Generator, coding: Coding, seen: Evidence
    ) -> Iterator[Points]:
        """See `Model.propose`."""
        if generator.random() < self.p_random or not len(coding):
            return
        best = seen.points[seen.order()[: self.n_best]]
        for _ in range(TRIES):
            point = best[generator.integers(len(best))].copy()
            there = np.flatnonzero(~np.isnan(point))
            point[generator.choice(there)] = np.nan
            yield coding.filled(generator, point[None, :])[0]


class LocalSearch(LearningSearcher):
    """Random trials at first, then mostly steps from the best ones."""

    def __init__(
        self,
        space: Space,
        seed: int,
        points_to_evaluate: Sequence[Mapping[str, Any]] = (),
        *,
        n_initial: int,
        p_random: float,
        n_best: int,
    ) -> None:
        """Search `space`; see `LocalSettings` for what the rest means."""
        model = LocalSteps(p_random, n_best)
        super().__init__(model, space, seed, points_to_evaluate, n_initial=n_initial)
