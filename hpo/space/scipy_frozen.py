"""A frozen scipy.stats distribution as a domain; known by its methods, scipy is not imported.

The quantile function is the distribution's own `ppf`, so every distribution of scipy.stats works,
continuous or discrete, bounded or not. No I/O, no clock, no randomness.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hpo.space.base import describe, is_number, is_same, is_whole_number, is_within
from hpo.space.numeric import TOO_LARGE
from hpo.values import EXACT_INTEGERS, JsonValue, plain

EDGE = 2**-53  # because ppf(0) is -inf without a lower bound, and below the support when discrete
LOGARITHMIC = ("loguniform", "reciprocal")
PROBES = (EDGE, 0.25, 0.5, 0.75, 1 - EDGE)


def is_frozen(value: object) -> bool:
    """Whether `value` looks like a distribution of scipy.stats with its parameters given."""
    return all(hasattr(value, name) for name in ("dist", "args", "kwds", "ppf", "support"))


@dataclass(frozen=True, slots=True)
class Frozen:
    """The values of a frozen scipy.stats distribution."""

    distribution: Any

    def problems(self) -> list[str]:
        """See `Domain.problems`."""
        with warnings.catch_warnings():  # because a bad parameter is reported here, not by numpy
            warnings.simplefilter("ignore")
            try:
                quantiles = [float(self.distribution.ppf(u)) for u in PROBES]
            except (TypeError, ValueError) as error:
                return [f"scipy cannot compute its quantiles: {error}"]
        if all(math.isfinite(quantile) for quantile in quantiles):
            ends = [end for end in self.bounds() if math.isfinite(end)]
            too_large = self.is_whole and max(map(abs, [*quantiles, *ends])) > EXACT_INTEGERS
            return [f"{describe(self)} {TOO_LARGE}"] if too_large else []
        name = self.distribution.dist.name
        hint = "; a logarithmic scale needs 0 < a < b" if name in LOGARITHMIC else ""
        return [f"{describe(self)} has no finite quantiles: check its parameters{hint}"]

    @property
    def is_whole(self) -> bool:
        """See `NumberDomain.is_whole`."""
        listed = self._listed()
        if listed is not None:
            return all(is_whole_number(point) for point in listed)
        return hasattr(self.distribution.dist, "pmf")

    @property
    def size(self) -> int | None:
        """See `Domain.size`."""
        points = self._points()
        return None if points is None else len(points)

    def value(self, u: float) -> float:
        """See `Domain.value`."""
        low, high = self.bounds()
        quantile = float(self.distribution.ppf(min(max(u, EDGE), 1 - EDGE)))
        return self._number(min(max(quantile, low), high))

    def at(self, index: int) -> float:
        """See `Domain.at`."""
        points = self._points()
        if points is None:
            raise TypeError(f"{describe(self)} has no {index}-th value")
        return self._number(points[index])

    def midpoint(self) -> float:
        """See `Domain.midpoint`."""
        return self.value(0.5)

    def contains(self, value: object) -> bool:
        """See `Domain.contains`."""
        if not is_number(value):
            return False
        low, high = self.bounds()
        listed = self._listed()
        if listed is not None:
            return any(is_same(value, point, scale=abs(high)) for point in listed)
        return is_within(value, low, high) and (is_whole_number(value) or not self.is_whole)

    def nearest(self, value: JsonValue) -> float:
        """See `Domain.nearest`."""
        listed = self._listed()
        if listed is not None:
            return self._number(min(listed, key=lambda point: abs(point - value)))
        low, high = self.bounds()
        return self._number(min(max(value, low), high))

    def quantile(self, value: float) -> float:
        """See `NumberDomain.quantile`; the middle of the share that a discrete value has."""
        below = float(self.distribution.cdf(value))
        if not hasattr(self.distribution.dist, "pmf"):
            return below
        return below - float(self.distribution.pmf(value)) / 2

    def bounds(self) -> tuple[float, float]:
        """See `NumberDomain.bounds`."""
        low, high = self.distribution.support()
        return float(low), float(high)

    def to_json(self) -> dict[str, JsonValue]:
        """See `Domain.to_json`; parameters by name, however the user gave them."""
        frozen = self.distribution
        shapes = (frozen.dist.shapes or "").replace(",", " ").split()
        names = [*shapes, "loc", "scale"]
        parameters = {**dict(zip(names, frozen.args, strict=False)), **frozen.kwds}
        document: dict[str, JsonValue] = {"type": f"scipy.stats.{frozen.dist.name}"}
        document |= {name: _as_written(parameters[name]) for name in sorted(parameters)}
        if self._is_custom:  # because its name and parameters do not tell what it is
            document["quantiles"] = [float(f"{float(frozen.ppf(u)):.6g}") for u in PROBES]
        return document

    @property
    def _is_custom(self) -> bool:
        kind = type(self.distribution.dist)
        from_data = kind.__name__ in ("rv_sample", "rv_histogram")
        return from_data or not kind.__module__.startswith("scipy.stats.")

    def _listed(self) -> list[float] | None:
        """The values of `rv_discrete(values=...)`, moved by its `loc`; None for other kinds."""
        kind = self.distribution.dist
        if not hasattr(kind, "xk"):
            return None
        move = float(self.distribution.support()[0]) - float(min(kind.xk))
        points = zip(kind.xk.tolist(), kind.pk.tolist(), strict=True)
        return sorted(point + move for point, mass in points if mass > 0)

    def _points(self) -> Sequence[float] | None:
        listed = self._listed()
        if listed is not None:
            return listed
        low, high = self.bounds()
        if not self.is_whole or math.isinf(low) or math.isinf(high):
            return None
        return range(int(low), int(high) + 1)

    def _number(self, value: float) -> float:
        return int(value) if self.is_whole else float(value)


def _as_written(parameter: object) -> JsonValue:
    """A parameter in JSON; text where it is NaN, infinite or no number at all."""
    try:
        value = plain(parameter)
    except ValueError:
        return repr(parameter)
    return float(value) if is_number(value) else value
