"""Configurations as points, for searchers that compute with them.

A point has one coordinate for each value that is drawn, also within mappings and options: of a
number its quantile, so that a logarithmic domain is even; of an unordered choice, and of options,
the number of the value. What belongs to an option that was not chosen is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.space.base import Domain
from hpo.space.listed import Choice
from hpo.space.nested import Nested, Options
from hpo.space.space import Space
from hpo.values import JsonValue, canonical

Points = NDArray[np.float64]
"""Points, one in each row; a column for each axis."""

FEW = 1000  # values of a domain that are listed, so that points lie exactly on them


@dataclass(frozen=True)  # without slots, because of the cached properties
class Axis:
    """One coordinate.

    `n_categories` is 0 for a number. `under` is the axis of options and the number of the one that
    this axis belongs to; None: it belongs to all configurations.
    """

    domain: Any  # of a number, a choice, or options
    n_categories: int
    under: tuple[int, int] | None

    @cached_property
    def step(self) -> float:
        """The share of one of its values, 0 where there is no end of them."""
        size = self.domain.size
        return 1 / size if size else 0.0

    @cached_property
    def grid(self) -> Points | None:
        """The quantiles of all its values in their order, where it is a number with few."""
        size = self.domain.size
        if self.n_categories or size is None or size > FEW:
            return None
        return np.array([self.domain.quantile(self.domain.at(i)) for i in range(size)])

    @cached_property
    def _numbers(self) -> dict[str, int]:
        """Of a choice's values."""
        size = self.domain.size
        return {canonical(self.domain.at(i)): i for i in range(size)}

    @cached_property
    def _listed(self) -> NDArray[np.intp]:
        """The number of each listed value: one that is listed twice is drawn twice as often."""
        if isinstance(self.domain, Options):
            return np.arange(self.n_categories)
        return np.array([self._numbers[canonical(value)] for value in self.domain.values])

    def coordinate(self, value: JsonValue) -> float:
        """Of a value of its domain, which is not that of options."""
        if self.n_categories:
            return float(self._numbers[canonical(value)])
        return float(self.domain.quantile(value))

    def value(self, coordinate: float) -> JsonValue:
        """The value there; any at NaN."""
        if self.n_categories:
            return self.domain.at(0 if math.isnan(coordinate) else int(coordinate))
        return self.domain.value(0.5 if math.isnan(coordinate) else coordinate)

    def at_quantiles(self, us: Points) -> Points:
        """The coordinates that are drawn at these quantiles, 0 <= u < 1."""
        if self.n_categories:
            places = (us * len(self._listed)).astype(int)
            return np.asarray(self._listed[places], dtype=float)
        return self.snapped(us)

    def snapped(self, at: Points) -> Points:
        """The nearest that there are, of coordinates of a number; NaN stays."""
        grid = self.grid
        if grid is None:
            return np.clip(at, 0.0, 1.0 - 1e-9)
        nearest: Points = grid[np.searchsorted((grid[1:] + grid[:-1]) / 2, at)]
        return np.where(np.isnan(at), at, nearest)


class Coding:
    """The axes of a space, and the way from configurations to points and back."""

    def __init__(self, space: Space) -> None:
        self._domains = space.domains
        self.axes: list[Axis] = []
        for domain in self._domains.values():
            self._add_axes(domain, None)
        self.is_category = np.array([axis.n_categories > 0 for axis in self.axes], dtype=bool)

    def __len__(self) -> int:
        return len(self.axes)

    def _add_axes(self, domain: Domain, under: tuple[int, int] | None) -> None:
        if isinstance(domain, Nested):
            for inner in domain.fields.values():
                self._add_axes(inner, under)
        elif isinstance(domain, Options):
            here = len(self.axes)
            self.axes.append(Axis(domain, len(domain.options), under))
            for number, option in enumerate(domain.options):
                self._add_axes(option, (here, number))
        elif domain.size != 1:
            is_unordered = isinstance(domain, Choice) and not domain.is_ordered
            count = domain.size if is_unordered and domain.size else 0
            self.axes.append(Axis(domain, count, under))

    def point(self, config: Mapping[str, JsonValue]) -> list[float]:
        """The point of a configuration of the space."""
        row: list[float] = []
        for name, domain in self._domains.items():
            self._encode(domain, config[name], row, there=True)
        return row

    def _encode(self, domain: Domain, value: JsonValue, row: list[float], *, there: bool) -> None:
        if isinstance(domain, Nested):
            for name, inner in domain.fields.items():
                self._encode(inner, value[name] if there else None, row, there=there)
        elif isinstance(domain, Options):
            chosen = -1
            if there:
                chosen = next(n for n, one in enumerate(domain.options) if one.contains(value))
            row.append(float(chosen) if there else math.nan)
            for number, option in enumerate(domain.options):
                self._encode(option, value, row, there=number == chosen)
        elif domain.size != 1:
            row.append(self.axes[len(row)].coordinate(value) if there else math.nan)

    def config(self, point: Points) -> dict[str, JsonValue]:
        """The configuration at a point, or at the nearest that there is."""
        pairs = zip(self.axes, point.tolist(), strict=True)
        return {name: self._decode(domain, pairs) for name, domain in self._domains.items()}

    def _decode(self, domain: Domain, pairs: Iterator[tuple[Axis, float]]) -> JsonValue:
        if isinstance(domain, Nested):
            return {name: self._decode(inner, pairs) for name, inner in domain.fields.items()}
        if isinstance(domain, Options):
            _, chosen = next(pairs)
            values = [self._decode(option, pairs) for option in domain.options]
            return values[0 if math.isnan(chosen) else int(chosen)]
        if domain.size == 1:
            return domain.value(0.0)
        axis, coordinate = next(pairs)
        return axis.value(coordinate)

    def at_quantiles(self, us: Points) -> Points:
        """The points that are drawn at these quantiles, one for each axis, 0 <= u < 1."""
        return self._masked(self._whole(us))

    def random(self, generator: np.random.Generator, count: int) -> Points:
        """So many points, drawn as random search draws them."""
        return self.at_quantiles(generator.random((count, len(self.axes))))

    def filled(self, generator: np.random.Generator, points: Points) -> Points:
        """The points with a value drawn where they have none and their options want one."""
        drawn = self._whole(generator.random(points.shape))
        return self._masked(np.where(np.isnan(points), drawn, points))

    def _whole(self, us: Points) -> Points:
        """With values also of the options that are not chosen."""
        points = np.empty_like(us)
        for k, axis in enumerate(self.axes):
            points[:, k] = axis.at_quantiles(us[:, k])
        return points

    def _masked(self, points: Points) -> Points:
        """The points, changed in place: NaN in what the chosen options do not have."""
        for k, axis in enumerate(self.axes):
            if axis.under is not None:
                options, number = axis.under
                points[points[:, options] != number, k] = math.nan
        return points
