"""JSON objects as dataclasses: what one may hold follows from the types of the fields.

Numbers have bounds, so that whoever computes with one need not think of overflow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

T = TypeVar("T")

_BY_WORD: dict[str, type] = {
    "float": float,
    "int": int,
    "str": str,
    "bool": bool,
    "None": type(None),
    "Mapping[str, Any]": Mapping,
    "Outcome": str,
    "Result": object,
    "Sequence[int]": list,
    "Sequence[Mapping[str, Any]]": list,
}
_ITEMS: dict[str, type] = {"Sequence[int]": int, "Sequence[Mapping[str, Any]]": Mapping}

LATEST_S = 1e11  # of a time since 1970 that a calendar can show
MOST_WHOLE = 2**63 - 1
_LARGEST = 1.7976931348623157e308  # of all floats; math.isfinite raises for integers beyond it
_KNOWN: dict[type, dict[str, tuple[type, ...]]] = {}
_LISTS: dict[type, dict[str, type]] = {}


def kinds(cls: Any) -> dict[str, tuple[type, ...]]:
    """The fields of a dataclass, in order, and the types that each may have."""
    if cls not in _KNOWN:
        _KNOWN[cls] = {field.name: _of_annotation(str(field.type)) for field in fields(cls)}
    return _KNOWN[cls]


def _items(cls: Any) -> dict[str, type]:
    """The fields of a dataclass that hold lists, and the type of what is in them."""
    if cls not in _LISTS:
        told = {field.name: _ITEMS.get(str(field.type)) for field in fields(cls)}
        _LISTS[cls] = {name: kind for name, kind in told.items() if kind is not None}
    return _LISTS[cls]


def _of_annotation(annotation: str) -> tuple[type, ...]:
    found = [_BY_WORD[word.strip()] for word in annotation.split("|")]
    return (*found, int) if float in found else tuple(found)  # JSON may drop the fraction


def from_json(cls: type[T], record: object) -> T:
    """The dataclass `cls` that a JSON object tells.

    Raises:
        ValueError: a field is missing, of another type, out of bounds or unknown; the message says
            which.
    """
    if not isinstance(record, Mapping):  # because a file may hold any JSON
        raise ValueError(f"not a {cls.__name__}: {record!r:.40}")
    known = kinds(cls)
    for key, value in record.items():
        allowed = known.get(key, (object,))
        # True is an int to Python and to nobody else.
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise ValueError(f"not a {cls.__name__}: {key} is {value!r:.40}")
        if not _in_bounds(value, allowed):
            raise ValueError(f"not a {cls.__name__}: {key} is out of bounds")
    for key, kind in _items(cls).items():
        for item in record.get(key, ()):
            if (
                not isinstance(item, kind)
                or isinstance(item, bool)
                or not _in_bounds(item, (kind,))
            ):
                raise ValueError(f"not a {cls.__name__}: {key} holds {item!r:.40}")
    try:
        return cls(**record)
    except TypeError as err:
        raise ValueError(f"not a {cls.__name__}: {err}") from err


def _in_bounds(value: object, allowed: tuple[type, ...]) -> bool:
    """A NaN is out of all bounds."""
    if isinstance(value, float) or (isinstance(value, int) and float in allowed):
        return abs(value) <= _LARGEST
    return not isinstance(value, int) or abs(value) <= MOST_WHOLE
