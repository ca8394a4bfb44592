"""Domains whose values are written out one by one: choices and constants.

No I/O, no clock, no randomness. Users build them with the functions of `domains.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from hpo.space.base import is_number, is_same
from hpo.values import JsonValue, canonical, plain


@dataclass(frozen=True)  # without slots, because of the cached property
class Choice:
    """One of the listed values; a value listed twice is drawn twice as often."""

    values: tuple[JsonValue, ...]
    is_ordered: bool = False

    def problems(self) -> list[str]:
        """See `Domain.problems`."""
        if not self.values:
            return ["an empty list leaves nothing to choose from"]
        return _value_problems(self.values)

    @property
    def size(self) -> int:
        """See `Domain.size`."""
        return len(self._distinct)

    def value(self, u: float) -> JsonValue:
        """See `Domain.value`."""
        return self.values[min(int(u * len(self.values)), len(self.values) - 1)]

    def at(self, index: int) -> JsonValue:
        """See `Domain.at`."""
        return self._distinct[index]

    def midpoint(self) -> JsonValue:
        """The first value; of an ordinal's values the middle one."""
        return self.value(0.5) if self.is_ordered else self.values[0]

    def quantile(self, value: JsonValue) -> float:
        """The middle of the share that the first such value in the list has."""
        places = [canonical(own) for own in self.values]
        return (places.index(canonical(value)) + 0.5) / len(places)

    def contains(self, value: object) -> bool:
        """See `Domain.contains`."""
        return any(_is_alike(value, own, self._scale) for own in self.values)

    def nearest(self, value: JsonValue) -> JsonValue:
        """See `Domain.nearest`."""
        alike = [own for own in self.values if _is_alike(value, own, self._scale)]
        same = [own for own in alike if canonical(own) == canonical(value)]
        return (same or alike)[0]

    def to_json(self) -> dict[str, JsonValue]:
        """See `Domain.to_json`."""
        return {"type": "ordinal" if self.is_ordered else "choice", "values": list(self.values)}

    @cached_property
    def _distinct(self) -> list[JsonValue]:
        return list({canonical(value): value for value in self.values}.values())

    @cached_property
    def _scale(self) -> float:
        """The largest of its numbers; a sum of 0.1 ten times is wrong by a share of that."""
        return max((abs(value) for value in self.values if is_number(value)), default=0.0)


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same value."""

    fixed: JsonValue

    size = 1

    def problems(self) -> list[str]:
        """See `Domain.problems`."""
        return _value_problems([self.fixed])

    def value(self, u: float) -> JsonValue:
        """See `Domain.value`."""
        return self.fixed

    def at(self, index: int) -> JsonValue:
        """See `Domain.at`."""
        return self.fixed

    def midpoint(self) -> JsonValue:
        """See `Domain.midpoint`."""
        return self.fixed

    def contains(self, value: object) -> bool:
        """See `Domain.contains`."""
        return _is_alike(value, self.fixed)

    def nearest(self, value: JsonValue) -> JsonValue:
        """See `Domain.nearest`."""
        return self.fixed

    def to_json(self) -> dict[str, JsonValue]:
        """See `Domain.to_json`."""
        return {"type": "constant", "value": self.fixed}


@dataclass(frozen=True, slots=True)
class Refused(Constant):
    """What was written and cannot be a domain; `reason` says why, and what to write."""

    reason: str

    def problems(self) -> list[str]:
        """See `Domain.problems`."""
        return [self.reason]


def _value_problems(values: Iterable[object]) -> list[str]:
    found = []
    for value in values:
        try:
            plain(value)
        except ValueError as error:
            found.append(str(error))
    return found


def _is_alike(value: object, own: JsonValue, scale: float = 0.0) -> bool:
    """Whether `value` means `own`: the same data, with floats that differ by rounding only."""
    try:
        value = plain(value)
    except ValueError:
        return False
    if is_number(value) and is_number(own):
        return is_same(value, own, scale=scale)
    if isinstance(value, list) and isinstance(own, list):
        return len(value) == len(own) and all(map(_is_alike, value, own))
    if isinstance(value, dict) and isinstance(own, dict):
        return value.keys() == own.keys() and all(_is_alike(value[k], own[k]) for k in own)
    return canonical(value) == canonical(own)
