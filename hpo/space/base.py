"""What a domain is: a quantile function whose `value(u)`, u in [0, 1), is plain JSON data.

Building a domain never raises, so that all mistakes of a configuration can be shown at once:
`problems()` says what is wrong, and no other method may be called while it says anything.
No I/O, no clock, no randomness.
"""

from __future__ import annotations

import math
from typing import Protocol, TypeGuard

from hpo.values import JsonValue


class Domain(Protocol):
    """What a hyperparameter may be, with a probability on it."""

    @property
    def size(self) -> int | None:
        """The number of distinct values; None when there is no end of them."""
        ...

    def problems(self) -> list[str]:
        """Why this domain cannot be used; empty when it can."""
        ...

    def value(self, u: float) -> JsonValue:
        """The u-quantile, 0 <= u < 1."""
        ...

    def at(self, index: int) -> JsonValue:
        """The index-th distinct value of a domain that has a size."""
        ...

    def midpoint(self) -> JsonValue:
        """The value to take when the user gives none: the median, or a choice's first value."""
        ...

    def contains(self, value: object) -> bool:
        """Whether `value` is one of the domain's values, floats within rounding."""
        ...

    def nearest(self, value: JsonValue) -> JsonValue:
        """The domain's own value that equals one it contains, but for rounding."""
        ...

    def to_json(self) -> dict[str, JsonValue]:
        """The canonical description, for the campaign's digest and for people."""
        ...


class NumberDomain(Domain, Protocol):
    """A domain on the number line, which `quantized` can put on a grid."""

    @property
    def is_whole(self) -> bool:
        """Whether all values are integers."""
        ...

    def quantile(self, value: float) -> float:
        """Where a value lies: a u, 0 <= u <= 1, whose `value` it is."""
        ...

    def bounds(self) -> tuple[float, float]:
        """The smallest and largest value; infinite where there is none."""
        ...


def describe(domain: Domain) -> str:
    """The domain as a user would write it, for messages: `loguniform(low=0.0001, high=0.01)`."""
    return _written(domain.to_json())


def _written(value: JsonValue) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, dict) and "type" not in value:
        return "{" + ", ".join(f"{key}: {_written(item)}" for key, item in value.items()) + "}"
    if not isinstance(value, dict):
        return repr(value)
    arguments = (f"{key}={_written(item)}" for key, item in value.items() if key != "type")
    return f"{value['type']}({', '.join(arguments)})"


def is_number(value: object) -> TypeGuard[float]:
    """Whether `value` is an int or a float; a boolean is not a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_whole_number(value: object) -> TypeGuard[int]:
    """Whether `value` is an integer, or a float that equals one."""
    return is_number(value) and (isinstance(value, int) or value.is_integer())


def is_same(value: float, other: float, *, scale: float = 0.0) -> bool:
    """Whether two numbers differ by no more than rounding, in a computation with `scale`."""
    if is_whole_number(value) and is_whole_number(other):
        return value == other  # because integers are not rounded
    return math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-14 * scale)


def is_within(value: float, low: float, high: float) -> bool:
    """Whether a finite number lies between two bounds, which may be rounded."""
    if not math.isfinite(value):
        return False
    scale = max((abs(end) for end in (low, high) if math.isfinite(end)), default=0.0)
    return (
        low <= value <= high
        or is_same(value, low, scale=scale if low <= 0 else 0.0)
        or is_same(value, high, scale=scale)
    )
