"""TPE: what is likely among the good trials and unlikely among the others.

J. Bergstra et al., "Algorithms for Hyper-Parameter Optimization", NeurIPS 2011; kernels over all
axes together as in BOHB (Falkner et al., ICML 2018). Trials that run count among the others, so
that those drawn side by side keep apart (the "constant liar").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.search.coding import Coding, Points
from hpo.search.learning import Evidence, LearningSearcher
from hpo.space.space import Space

MOST_OTHERS = 2000  # that are looked at, drawn anew for each trial: their place is known from some
REDRAWS = 4  # of a number beyond its bounds, before it is put on one


@dataclass(frozen=True, slots=True)
class Parzen:
    """Compares the best `gamma` of the trials, at most `most_good`, with the others.

    `n_candidates` points are drawn from the good ones; the one that is likeliest among them,
    compared with the others, is the first.
    """

    gamma: float
    most_good: int
    n_candidates: int

    def propose(
        self, generator: np.random.Generator, coding: Coding, seen: Evidence
    ) -> Iterator[Points]:
        """See `Model.propose`."""
        order = seen.order()
        n_good = max(2, min(math.ceil(self.gamma * seen.n_finite), self.most_good))
        good = Mixture(coding, seen.points[order[:n_good]])
        others = order[n_good:]
        if len(others) > MOST_OTHERS:
            others = generator.choice(others, MOST_OTHERS, replace=False)
        other = Mixture(coding, np.vstack([seen.points[others], seen.pending]))
        drawn = good.sample(generator, self.n_candidates)
        yield from drawn[np.argsort(other.log_density(drawn) - good.log_density(drawn))]


class Mixture:
    """A kernel around each point, and one that is flat over the whole space.

    Of a number it is a Gaussian, cut at 0 and 1; of a category what is left of one after some of
    its weight went to all. Where a point has no value, because another option was chosen, it is
    flat.
    """

    def __init__(self, coding: Coding, points: Points) -> None:
        """`points` (n, axes) may be none."""
        self._coding, self._points = coding, points
        n, is_category = len(points), coding.is_category
        sizes = np.array([axis.n_categories for axis in coding.axes], dtype=float)
        self._smooth = sizes / (n + sizes + (sizes == 0))  # the weight that goes to all
        n_numbers = max(1, int((~is_category).sum()))
        # Scott's rule, but not below what tells so many neighbours apart.
        scale = 1.06 * n ** (-1 / (4 + n_numbers)) if n else 1.0
        steps = np.array([axis.step for axis in coding.axes], dtype=float)
        least = np.maximum(max(0.04, 1 / (n + 5)), steps / 2)
        self._width = np.maximum(np.clip(scale * _spread(points), 0.0, 0.5), least)

    def sample(self, generator: np.random.Generator, count: int) -> Points:
        """So many points."""
        coding = self._coding
        kernels = generator.integers(len(self._points) + 1, size=count)
        base = np.full((count, len(coding)), np.nan)
        near = kernels < len(self._points)
        base[near] = self._points[kernels[near]]
        for k, axis in enumerate(coding.axes):
            if axis.n_categories:
                leaves = generator.random(count) < self._smooth[k]
                base[leaves, k] = np.nan
            else:
                base[:, k] = axis.snapped(self._moved(generator, base[:, k], self._width[k]))
        return coding.filled(generator, base)

    def _moved(self, generator: np.random.Generator, at: Points, width: float) -> Points:
        moved = at + width * generator.standard_normal(at.shape)
        for _ in range(REDRAWS):
            again = at + width * generator.standard_normal(at.shape)
            moved = np.where((moved < 0) | (moved > 1), again, moved)
        return np.clip(moved, 0.0, 1.0)

    def log_density(self, at: Points) -> NDArray[np.float64]:
        """The logarithm of the density at each of the points `at` (m, axes)."""
        from scipy.special import logsumexp, ndtr  # here, because few campaigns need it

        log_kernels = np.zeros((len(at), len(self._points)))
        flat = np.zeros((len(at), 1))
        for k, axis in enumerate(self._coding.axes):
            here, own = at[:, k, None], self._points[None, :, k]
            if axis.n_categories:
                smooth = self._smooth[k] / axis.n_categories
                even = -math.log(axis.n_categories)
                part = np.log(np.where(here == own, 1 - self._smooth[k] + smooth, smooth))
            else:
                width, even = self._width[k], 0.0
                mass = ndtr((1 - own) / width) - ndtr(-own / width)
                part = -0.5 * ((here - own) / width) ** 2
                part = part - np.log(width * mass * math.sqrt(2 * math.pi))
            part = np.where(np.isnan(own), even, part)
            log_kernels += np.where(np.isnan(here), 0.0, part)
            flat += np.where(np.isnan(here), 0.0, even)
        whole = logsumexp(np.hstack([log_kernels, flat]), axis=1)
        return np.asarray(whole - math.log(len(self._points) + 1))


def _spread(points: Points) -> NDArray[np.float64]:
    """The standard deviation of each column; of too few values a third of the range."""
    there = ~np.isnan(points)
    count = there.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, points, 0.0).sum(axis=0) / count
        square = np.where(there, (points - mean) ** 2, 0.0).sum(axis=0) / count
    return np.where(count > 1, np.sqrt(square), 0.3)


class Tpe(LearningSearcher):
    """Random trials at first, then those that resemble the good ones and not the others."""

    def __init__(
        self,
        space: Space,
        seed: int,
        points_to_evaluate: Sequence[Mapping[str, Any]] = (),
        *,
        n_initial: int,
        gamma: float,
        most_good: int,
        n_candidates: int,
    ) -> None:
        """Search `space`; see `TpeSettings` for what the rest means."""
        model = Parzen(gamma, most_good, n_candidates)
        super().__init__(model, space, seed, points_to_evaluate, n_initial=n_initial)
