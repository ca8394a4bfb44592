"""Domains whose values are written out one by one: choices and constants.

No I/O, no clock, no randomness. Users build them with the functions of `domains.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

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

    def contains(self, value: object) -> bool:
        """See `Domain.contains`."""
        return _canonical_or_none(value) in {canonical(own) for own in self.values}

    def to_json(self) -> dict[str, JsonValue]:
        """See `Domain.to_json`."""
        return {"type": "ordinal" if self.is_ordered else "choice", "values": list(self.values)}

    @cached_property
    def _distinct(self) -> list[JsonValue]:
        return list({canonical(value): value for value in self.values}.values())


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
        return _canonical_or_none(value) == canonical(self.fixed)

    def to_json(self) -> dict[str, JsonValue]:
        """See `Domain.to_json`."""
        return {"type": "constant", "value": self.fixed}


def _value_problems(values: Iterable[object]) -> list[str]:
    found = []
    for value in values:
        try:
            plain(value)
        except ValueError as error:
            found.append(str(error))
    return found


def _canonical_or_none(value: object) -> str | None:
    try:
        return canonical(plain(value))
    except ValueError:
        return None
