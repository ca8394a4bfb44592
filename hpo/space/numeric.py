"""Domains on the number line: real numbers, integers, and either put on a grid.

No I/O, no clock, no randomness. Users build them with the functions of `domains.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import NoReturn

from hpo.space.base import NumberDomain, describe, is_number, is_whole_number, is_within
from hpo.values import EXACT_INTEGERS, JsonValue

TOO_LARGE = "is beyond 2**53, where integers are no longer told apart: 2**32 is enough for a seed"


@dataclass(frozen=True, slots=True)
class Uniform:
    """Real numbers, evenly (or evenly in the logarithm) between two bounds."""

    low: float
    high: float
    is_log: bool = False

    is_whole = False
    size = None

    def problems(self) -> list[str]:
        """See `Domain.problems`."""
        return _bound_problems(self.low, self.high, is_log=self.is_log, whole=False)

    def value(self, u: float) -> float:
        """See `Domain.value`."""
        if self.is_log:
            low, high = math.log(self.low), math.log(self.high)
            value = math.exp(low + u * (high - low))
        else:
            value = self.low + u * (self.high - self.low)
        return float(min(max(value, self.low), self.high))  # because rounding may step outside

    def at(self, index: int) -> NoReturn:
        """Never: real numbers are not counted."""
        raise TypeError(f"{describe(self)} has no {index}-th value")

    def midpoint(self) -> float:
        """See `Domain.midpoint`."""
        return self.value(0.5)

    def contains(self, value: object) -> bool:
        """See `Domain.contains`; both ends belong to it."""
        return is_number(value) and is_within(value, self.low, self.high)

    def nearest(self, value: JsonValue) -> float:
        """See `Domain.nearest`."""
        return min(max(float(value), self.low), self.high)

    def quantile(self, value: float) -> float:
        """See `NumberDomain.quantile`."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, at = math.log(low), math.log(high), math.log(at)
        return (at - low) / (high - low)

    def bounds(self) -> tuple[float, float]:
        """See `NumberDomain.bounds`."""
        return self.low, self.high

    def to_json(self) -> dict[str, JsonValue]:
        """See `Domain.to_json`."""
        kind = "loguniform" if self.is_log else "uniform"
        return {"type": kind, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Integers:
    """Integers from low to high, both included; evenly, or evenly in the logarithm."""

    low: int
    high: int
    is_log: bool = False

    is_whole = True

    @property
    def size(self) -> int:
        """See `Domain.size`."""
        return self.high - self.low + 1

    def problems(self) -> list[str]:
        """See `Domain.problems`."""
        return _bound_problems(self.low, self.high, is_log=self.is_log, whole=True)

    def value(self, u: float) -> int:
        """See `Domain.value`."""
        if self.is_log:  # half a step beyond both ends, so that the ends get their full share
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            value = math.floor(math.exp(low + u * (high - low)) + 0.5)
        else:
            value = self.low + math.floor(u * self.size)
        return min(max(value, self.low), self.high)

    def at(self, index: int) -> int:
        """See `Domain.at`."""
        return self.low + index

    def midpoint(self) -> int:
        """See `Domain.midpoint`."""
        return self.value(0.5)

    def contains(self, value: object) -> bool:
        """See `Domain.contains`."""
        return is_whole_number(value) and self.low <= value <= self.high

    def nearest(self, value: JsonValue) -> int:
        """See `Domain.nearest`."""
        return int(value)

    def quantile(self, value: float) -> float:
        """See `NumberDomain.quantile`; the middle of what an integer has."""
        if self.is_log:
            low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
            return (math.log(value) - low) / (high - low)
        return (value - self.low + 0.5) / self.size

    def bounds(self) -> tuple[float, float]:
        """See `NumberDomain.bounds`."""
        return self.low, self.high

    def to_json(self) -> dict[str, JsonValue]:
        """See `Domain.to_json`."""
        kind = "lograndint" if self.is_log else "randint"
        return {"type": kind, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Quantized:
    """The multiples of `step` within another domain's bounds; each value goes to the nearest."""

    domain: NumberDomain
    step: float

    def problems(self) -> list[str]:
        """See `Domain.problems`."""
        if not callable(getattr(self.domain, "bounds", None)):
            return ["quantized needs a domain of numbers, as in quantized(uniform(0, 1), 0.05)"]
        found = self.domain.problems()
        if not is_number(self.step) or not 0 < self.step < math.inf:
            found.append(f"step must be a number above 0, not {self.step!r}")
        elif self.domain.is_whole and not is_whole_number(self.step):
            found.append(f"step must be a whole number, as the values are, not {self.step!r}")
        elif not found and self.size == 0:
            low, high = self.domain.bounds()
            found.append(f"no multiple of {self.step} lies between {low} and {high}")
        return found

    @property
    def size(self) -> int | None:
        """See `Domain.size`."""
        first, last = self._ends()
        return None if first is None or last is None else max(0, last - first + 1)

    def value(self, u: float) -> float:
        """See `Domain.value`."""
        first, last = self._ends()
        multiple = round(Decimal(self.domain.value(u)) / self._exact_step())
        multiple = multiple if first is None else max(multiple, first)
        return self._number(multiple if last is None else min(multiple, last))

    def at(self, index: int) -> float:
        """See `Domain.at`."""
        first, last = self._ends()
        if first is None or last is None:
            raise TypeError(f"{describe(self)} has no {index}-th value")
        return self._number(first + index)

    def midpoint(self) -> float:
        """See `Domain.midpoint`."""
        return self.value(0.5)

    def contains(self, value: object) -> bool:
        """See `Domain.contains`."""
        if not is_number(value) or not math.isfinite(value):
            return False
        nearest = self._number(round(Decimal(value) / self._exact_step()))
        low, high = self.domain.bounds()
        is_multiple = math.isclose(nearest, value, abs_tol=1e-9 * self.step)
        return is_multiple and is_within(value, low, high)

    def nearest(self, value: JsonValue) -> float:
        """See `Domain.nearest`."""
        return self._number(round(Decimal(value) / self._exact_step()))

    def quantile(self, value: float) -> float:
        """See `NumberDomain.quantile`; where the value lies in the domain without a grid."""
        return self.domain.quantile(value)

    def to_json(self) -> dict[str, JsonValue]:
        """See `Domain.to_json`."""
        return {"type": "quantized", "domain": self.domain.to_json(), "step": self.step}

    def _exact_step(self) -> Decimal:
        return Decimal(repr(self.step))  # because 3 * 0.05 is 0.15000000000000002 in floats

    def _ends(self) -> tuple[int | None, int | None]:
        """The first and last multiple within the bounds; None where there is no bound."""
        low, high = self.domain.bounds()
        step = self._exact_step()
        first = math.ceil(Decimal(repr(low)) / step) if math.isfinite(low) else None
        last = math.floor(Decimal(repr(high)) / step) if math.isfinite(high) else None
        return first, last

    def _number(self, multiple: int) -> float:
        exact = multiple * self._exact_step()
        return int(exact) if self.domain.is_whole else float(exact)


def _bound_problems(low: object, high: object, *, is_log: bool, whole: bool) -> list[str]:
    found = []
    for name, bound in (("low", low), ("high", high)):
        if not is_number(bound):
            found.append(f"{name} must be a number, not {bound!r}")
        elif not math.isfinite(bound):
            found.append(f"{name} must be finite, not {bound!r}")
        elif whole and not is_whole_number(bound):
            found.append(f"{name} must be a whole number, not {bound!r}")
        elif whole and abs(bound) > EXACT_INTEGERS:
            found.append(f"{name} {TOO_LARGE}")
    if found or not is_number(low) or not is_number(high):
        return found
    if low >= high:
        found.append(f"low must be below high, but {low} >= {high}")
    elif not math.isfinite(high - low):
        found.append(f"{low} and {high} are too far apart for a float")
    if is_log and low <= 0:
        least = "1" if whole else "a small number such as 1e-6"
        found.append(f"a logarithmic scale cannot start at {low}: let low be at least {least}")
    return found
