"""Asynchronous random search: trial n of seed s is always the same configuration.

What it gets depends on the seed, on n and on the trials before it, never on how many run at once or
how often the campaign was resumed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hpo.errors import SettingsError
from hpo.search.searcher import Tried
from hpo.space.space import Space, read_space
from hpo.values import JsonValue, canonical

REDRAWS = 64  # cheap, and enough until nearly all of a small space is taken
ENUMERABLE = 100_000  # configurations that are listed in well under a second


class AsyncRandomSearch:
    """Independent draws from the space, without repetition.

    Example:
        >>> AsyncRandomSearch({"lr": [0.1, 0.01]}, seed=0).suggest(0, taken=())
        {'lr': 0.01}
    """

    def __init__(
        self,
        space: Space | Mapping[str, Any],
        seed: int,
        points_to_evaluate: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Search `space`, after the given points.

        Args:
            space: Where to search: a space, or the dict that `read_space` takes.
            seed: Not negative; the same seed gives the same trials.
            points_to_evaluate: The first trials' configurations. What a point leaves out is
                filled with the midpoint of its domain; repeated points are tried once.
                They must be free of `point_problems`.

        Raises:
            SettingsError: the dict is no space.
        """
        if not isinstance(space, Space):
            space, problems = read_space(space)
            if problems:
                raise SettingsError(problems, where="the space")
        self._space = space
        self._size = space.size
        self._seed = seed
        self._keys: list[str] | None = None  # of a small finite space, once a draw needs them
        self.points = whole_points(space, points_to_evaluate)

    @property
    def space(self) -> Space:
        """Where it searches."""
        return self._space

    @property
    def seed(self) -> int:
        """What decides all trials."""
        return self._seed

    @property
    def points_to_evaluate(self) -> list[dict[str, JsonValue]]:
        """The first trials' configurations, whole."""
        return [dict(point) for point in self.points]

    def suggest(
        self, trial_id: int, taken: Collection[str], results: Iterable[Tried] = ()
    ) -> dict[str, JsonValue] | None:
        """See `Searcher.suggest`; None when every configuration of a finite space is taken."""
        del results
        if trial_id < len(self.points):
            return dict(self.points[trial_id])
        generator = np.random.default_rng([self._seed, trial_id])
        n_free = len(self._space.free)
        for _ in range(REDRAWS):
            config = self._space.config(generator.random(n_free).tolist())
            if canonical(config) not in taken:
                return config
        size = self._size
        if size is None or size > ENUMERABLE:
            return config  # a repetition, which so large a space makes all but impossible
        if self._keys is None:
            self._keys = [canonical(self._space.enumerate(index)) for index in range(size)]
        left = [index for index, key in enumerate(self._keys) if key not in taken]
        return self._space.enumerate(left[int(generator.integers(len(left)))]) if left else None


def whole_points(space: Space, points: Sequence[Mapping[str, Any]]) -> list[dict[str, JsonValue]]:
    """Points as configurations, each once; what one leaves out is the middle of its domain."""
    filled = [space.completed(point) for point in points]
    return list({canonical(point): point for point in filled}.values())


def point_problems(space: Space, points: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with `points_to_evaluate`; empty when they can be tried."""
    problems = []
    for number, point in enumerate(points):
        # Each value by itself, so that all that is wrong is told at once.
        for name, value in point.items():
            try:
                space.completed({name: value})
            except ValueError as error:
                problems.append(f"points_to_evaluate[{number}]: {error}")
    return problems
