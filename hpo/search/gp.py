"""Bayesian optimisation: a Gaussian process over the errors, and the largest expected improvement.

J. Snoek et al., "Practical Bayesian Optimization of Machine Learning Algorithms", NeurIPS 2012.
Errors are replaced by the normal scores of their ranks, so that outliers, units and trials that
diverged do not matter. Trials that run are taken to give what the model expects of them.
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

Array = NDArray[np.float64]

MOST_CATEGORIES = 100  # of one choice; of more, hardly one would be tried twice
MOST_SEEN = 150  # results that the model is made of; its cost grows with their third power
MOST_FITTED = 100  # of them, for the lengths; those are told well enough by some
FAR_DRAWN, NEAR_DRAWN = 200, 100  # candidates: anywhere, and around the best at each of two sizes
STEPS = ((0.1, 0.4), (0.03, 0.7))  # of these: how far, and the share of the axes that change
NOISE = -2.5  # the logarithm of the noise's variance, before anything is known of it
JITTER = 1e-6  # so that a matrix of points side by side can be factored


class GpModel:
    """Proposes the candidates by their expected improvement, the largest first."""

    def __init__(self) -> None:
        self._fitted: tuple[Array, Process, float] | None = None  # to these errors

    def propose(
        self, generator: np.random.Generator, coding: Coding, seen: Evidence
    ) -> Iterator[Points]:
        """See `Model.propose`."""
        order = seen.order()
        if self._fitted is None or self._fitted[0] is not seen.errors:
            kept = np.sort(_kept(order))
            metric, points = Metric(coding), seen.points[kept]
            scores = normal_scores(seen.errors)[kept]
            process = Process(metric, points, scores, fit(metric, points, scores))
            self._fitted = seen.errors, process, float(process.predict(points)[0].min())
        _, process, best = self._fitted
        if len(seen.pending):
            process = process.with_expected(seen.pending)
        n_best = min(max(5, len(order) // 10), 20)
        drawn = candidates(generator, coding, seen.points[order[:n_best]])
        yield from drawn[np.argsort(-expected_improvement(*process.predict(drawn), best))]


def _kept(order: NDArray[np.intp]) -> NDArray[np.intp]:
    """The rows of the best and of the latest trials, where there are too many."""
    if len(order) <= MOST_SEEN:
        return order
    best = order[: MOST_SEEN // 2]
    others = np.setdiff1d(order, best)
    return np.concatenate([best, others[-MOST_SEEN // 2 :]])


def normal_scores(errors: Array) -> Array:
    """The quantiles of a normal distribution at the ranks; equal errors share one."""
    from scipy.special import ndtri  # here, because few campaigns need it

    ordered = np.sort(errors)
    first = np.searchsorted(ordered, errors, side="left")
    last = np.searchsorted(ordered, errors, side="right")
    return np.asarray(ndtri((first + last) / (2 * len(errors))))


def expected_improvement(mean: Array, deviation: Array, best: float) -> Array:
    """How much lower than `best` a point is expected to come, counting 0 where it does not."""
    from scipy.special import ndtr

    z = (best - mean) / deviation
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    return np.asarray(deviation * (z * ndtr(z) + density))


def candidates(generator: np.random.Generator, coding: Coding, best: Points) -> Points:
    """Points anywhere, and changes of the best ones."""
    drawn = [coding.random(generator, FAR_DRAWN)]
    near = best[generator.integers(len(best), size=NEAR_DRAWN)]
    drawn += [changed(generator, coding, near, *step) for step in STEPS]
    return np.vstack(drawn)


def changed(
    generator: np.random.Generator, coding: Coding, points: Points, sigma: float, share: float
) -> Points:
    """Each point with about `share` of its coordinates changed, at least one.

    Numbers by a step of about `sigma`, reflected at both ends; categories are drawn anew.
    """
    change = generator.random(points.shape) < share
    change[np.arange(len(points)), generator.integers(points.shape[1], size=len(points))] = True
    steps = points + sigma * generator.standard_normal(points.shape)
    steps = np.abs(np.mod(steps + 1, 2) - 1)
    for k, axis in enumerate(coding.axes):
        steps[:, k] = np.nan if axis.n_categories else axis.snapped(steps[:, k])
    return coding.filled(generator, np.where(change, steps, points))


class Metric:
    """How far apart points are, axis by axis, squared.

    Two categories are as far apart as both ends of a number. A number that only one of two points
    has is taken to lie in the middle: that they differ, the axis of their options says.
    """

    def __init__(self, coding: Coding) -> None:
        self._is_category = coding.is_category

    def squares(self, points: Points, others: Points) -> Array:
        """Of all pairs: (points, others, axes)."""
        absent = np.where(self._is_category, -1.0, 0.5)
        here = np.where(np.isnan(points), absent, points)[:, None, :]
        there = np.where(np.isnan(others), absent, others)[None, :, :]
        return np.asarray(np.where(self._is_category, here != there, (here - there) ** 2))


def matern(squares: Array) -> tuple[Array, Array]:
    """The Matern 5/2 kernel of squared distances, and what its slope by each of them is made of."""
    r = np.sqrt(5 * squares + 1e-12)
    decay = np.exp(-r)
    return (1 + r + r * r / 3) * decay, (5 / 3) * (1 + r) * decay


@dataclass(frozen=True, slots=True)
class Lengths:
    """The length of each axis over which errors change, and the variance of the noise."""

    lengths: Array
    noise: float


class Process:
    """A Gaussian process of variance 1, as normal scores have."""

    def __init__(self, metric: Metric, points: Points, scores: Array, lengths: Lengths) -> None:
        from scipy.linalg import cho_solve, cholesky

        self._metric, self._points, self._scores = metric, points, scores
        self._lengths = lengths
        self._mean = scores.mean()
        kernel = self._kernel(points, points)
        kernel[np.diag_indices(len(points))] += lengths.noise + JITTER
        self._factor = cholesky(kernel, lower=True)
        self._weights = cho_solve((self._factor, True), scores - self._mean)

    def _kernel(self, points: Points, others: Points) -> Array:
        scaled = self._metric.squares(points, others) / self._lengths.lengths**2
        return matern(scaled.sum(axis=2))[0]

    def with_expected(self, points: Points) -> Process:
        """The same process, had it seen at `points` what it expects there."""
        scores = np.concatenate([self._scores, self.predict(points)[0]])
        points = np.vstack([self._points, points])
        return Process(self._metric, points, scores, self._lengths)

    def predict(self, points: Points) -> tuple[Array, Array]:
        """Mean and standard deviation at each point, noise left out."""
        from scipy.linalg import solve_triangular

        cross = self._kernel(self._points, points)
        half = solve_triangular(self._factor, cross, lower=True)
        variance = np.maximum(1.0 - (half * half).sum(axis=0), 1e-9)
        return self._mean + cross.T @ self._weights, np.sqrt(variance)


def fit(metric: Metric, points: Points, scores: Array) -> Lengths:
    """The likeliest lengths and noise, with a prior around lengths that suit many problems.

    From the same start each time, so that it follows from the results alone.
    """
    from scipy.linalg import cho_solve, cholesky
    from scipy.optimize import minimize

    if len(points) > MOST_FITTED:
        some = np.sort(np.random.default_rng(0).permutation(len(points))[:MOST_FITTED])
        points, scores = points[some], scores[some]
    n, d = points.shape
    centred = scores - scores.mean()
    squares = metric.squares(points, points)
    usual = math.log(0.5) + 0.5 * math.log(max(d, 2) / 2)  # in more axes points lie further apart
    first = np.append(np.full(d, usual), NOISE)
    deviations = np.append(np.ones(d), 1.5)

    def loss(theta: Array) -> tuple[float, Array]:
        scaled = squares / np.exp(2 * theta[:-1])
        kernel, slope = matern(scaled.sum(axis=2))
        noise = math.exp(theta[-1])
        factor = cholesky(kernel + (noise + JITTER) * np.eye(n), lower=True)
        weights = cho_solve((factor, True), centred)
        value = 0.5 * centred @ weights + np.log(np.diag(factor)).sum()
        inner = cho_solve((factor, True), np.eye(n)) - np.outer(weights, weights)
        slopes = 0.5 * np.einsum("ij,ijk->k", inner * slope, scaled)
        away = (theta - first) / deviations
        gradient = np.append(slopes, 0.5 * noise * np.trace(inner)) + away / deviations
        return float(value + 0.5 * away @ away), gradient

    bounds = [(-3.0, 4.0)] * d + [(-8.0, 1.0)]
    found = minimize(
        loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 15}
    )
    return Lengths(np.exp(found.x[:-1]), math.exp(found.x[-1]))


class GaussianProcess(LearningSearcher):
    """Random trials at first, then those that are expected to be better than the best."""

    def __init__(
        self,
        space: Space,
        seed: int,
        points_to_evaluate: Sequence[Mapping[str, Any]] = (),
        *,
        n_initial: int,
    ) -> None:
        """Search `space`; see `GpSettings` for what the rest means."""
        super().__init__(GpModel(), space, seed, points_to_evaluate, n_initial=n_initial)


def gp_problems(space: Space) -> list[str]:
    """Why a Gaussian process does not fit the space; empty when it does."""
    many = [axis for axis in Coding(space).axes if axis.n_categories > MOST_CATEGORIES]
    return [
        f"searcher: gp learns nothing about a choice of {axis.n_categories} values without an order"
        f" (at most {MOST_CATEGORIES}); if they have one write ordinal([…]) or randint, else use"
        " searcher: tpe"
        for axis in many
    ]
