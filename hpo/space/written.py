"""What a user wrote for a hyperparameter, as a domain: lists, mappings, distributions, constants.

Building never raises: what has two readings becomes a domain whose `problems()` names both. No
I/O, no clock, no randomness.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.space.base import Domain, is_number
from hpo.space.listed import Choice, Constant, Refused
from hpo.space.nested import Nested, Options
from hpo.space.numeric import Integers, Quantized, Uniform
from hpo.space.other_tools import from_other_tool
from hpo.space.scipy_frozen import Frozen, is_frozen
from hpo.values import plain_or_same

OWN = (Uniform, Integers, Quantized, Choice, Constant, Frozen, Nested, Options)
MOST_LISTED = 100_000  # values of a range that are written out as a choice


def as_domain(raw: Any) -> Domain:
    """What a user wrote for a hyperparameter, as a domain.

    Lists (also tuples, ranges and arrays) are choices, frozen scipy.stats distributions are
    themselves. Mappings are hyperparameters below this one; where all of them are constants, so is
    the mapping. A list with a mapping that holds domains is a choice among options, each with its
    own hyperparameters. Everything else is a constant.
    """
    if isinstance(raw, OWN):
        return raw
    if is_frozen(raw):
        return Frozen(raw)
    foreign = from_other_tool(raw)
    if foreign is not None:
        return foreign
    if isinstance(raw, Mapping):
        return _mapping(raw)
    if isinstance(raw, tuple) and _is_range(raw):
        return Refused(None, _two_readings(raw))
    if isinstance(raw, range) and _length(raw) > MOST_LISTED:
        ends = f"{raw.start}, {raw[-1]}"
        return Refused(None, f"a range of {_length(raw)} values: write randint({ends})")
    if isinstance(raw, (list, tuple)) and _holds_domain(raw):
        return Options(tuple(_option(item) for item in raw))
    value = plain_or_same(raw)
    if isinstance(value, (list, tuple)):  # a tuple is still one when it holds something improper
        return Choice(tuple(value))
    return Constant(value)


def _mapping(raw: Mapping[Any, Any]) -> Domain:
    if not all(isinstance(name, str) for name in raw):
        return Constant(raw)  # as its `problems` says so
    fields = {name: as_domain(value) for name, value in sorted(raw.items())}
    fixed = {name: d.fixed for name, d in fields.items() if type(d) is Constant}
    is_sound = len(fixed) == len(fields) and not Constant(fixed).problems()
    return Constant(fixed) if is_sound else Nested(fields)


def _option(item: Any) -> Domain:
    """One of several that a list holds, at least one of which has domains of its own."""
    if is_domain(item):
        return Refused(None, "a list holds values, no domains; only mappings in it may have some")
    if not isinstance(item, Mapping):
        return Constant(plain_or_same(item))
    # A list may be a value here, as what a list holds is elsewhere, or a choice, as in a mapping.
    fields = {key: _unclear(value) if _is_list(value) else value for key, value in item.items()}
    return as_domain(fields)


def _unclear(values: Any) -> Refused:
    shown = plain_or_same(values)
    return Refused(
        None, f"write choice({shown!r}) to draw one of them, or constant({shown!r}) for the list"
    )


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple, range)) or hasattr(value, "__array__")


def is_domain(value: object) -> bool:
    """Whether it is a domain by itself, of this package, of scipy or of another program."""
    return isinstance(value, OWN) or is_frozen(value) or from_other_tool(value) is not None


def _holds_domain(value: object) -> bool:
    if not isinstance(value, (Mapping, list, tuple)):
        return False
    inner = value.values() if isinstance(value, Mapping) else value
    return any(is_domain(item) or _holds_domain(item) for item in inner)


def _is_range(raw: tuple[Any, ...]) -> bool:
    """Whether a tuple is how some programs write a range: two numbers, maybe with a scale."""
    numbers, rest = raw[:2], raw[2:]
    is_scaled = len(rest) == 1 and isinstance(rest[0], str) and "uniform" in rest[0]
    return len(numbers) == 2 and all(map(is_number, numbers)) and (not rest or is_scaled)


def _two_readings(raw: tuple[Any, ...]) -> str:
    low, high = raw[:2]
    return (
        f"{raw} may be a range or a choice of values: write uniform({low}, {high}),"
        f" loguniform({low}, {high}) or randint({low}, {high}) for the range, and"
        f" {list(raw)} for the values"
    )


def _length(values: range) -> int:
    """As `len`, which fails beyond 2**63."""
    return max(0, -((values.start - values.stop) // values.step))
