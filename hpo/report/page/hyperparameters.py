"""The hyperparameters of all trials as columns, with the scale of each from its domain. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from hpo.shown import one_line
from hpo.values import canonical, flat

MOST_LABELS = 50  # of a choice of numbers, beyond which they are an axis of numbers
_LOG = frozenset({"loguniform", "lograndint", "reciprocal"})
_WIDE = 100.0  # ratio of values of an unknown distribution from which on its axis is logarithmic


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One that is searched, by its name below all mappings (`optimizer.lr`).

    Attributes:
        name: as in the configuration.
        labels: of a choice, in its own order; empty for a number.
        is_log: whether its numbers are evenly spread in the logarithm.
        is_whole: whether its numbers are integers.
        low: least number of the domain, or that was drawn; None for a choice.
        high: the largest.
        values: of each trial: the number, or which of the labels; None where the trial has none.
    """

    name: str
    labels: tuple[str, ...]
    is_log: bool
    is_whole: bool
    low: float | None
    high: float | None
    values: tuple[float | int | None, ...]


def columns(
    space: Mapping[str, Any], configs: Sequence[Mapping[str, Any]]
) -> tuple[list[Hyperparameter], dict[str, Any]]:
    """What is searched, and the constants, of the space as campaign.json describes it."""
    domains = flat_domains(space)
    rows = [flat(config) for config in configs]
    names = dict.fromkeys([*domains, *(name for row in rows for name in row)])
    found: list[Hyperparameter] = []
    constants: dict[str, Any] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        there = [value for value, row in zip(values, rows, strict=True) if name in row]
        domain = domains.get(name)
        is_same = len(there) == len(rows) and len({_label(value) for value in there}) <= 1
        if (domain or {}).get("type") == "constant" or (domain is None and is_same):
            constants[name] = there[0] if there else (domain or {}).get("value")
        elif domain is None or there or not rows:
            mask = [name in row for row in rows]
            found.append(_column(name, domain or {}, values, mask))
    return found, constants


def flat_domains(space: Mapping[str, Any], above: str = "") -> dict[str, Mapping[str, Any]]:
    """The domains by the names below all mappings; of one that is not the same always, nothing."""
    found: dict[str, Mapping[str, Any]] = {}
    for name, domain in space.items():
        if not isinstance(domain, Mapping):
            continue
        full = f"{above}{name}"
        fields, options = domain.get("fields"), domain.get("options")
        if isinstance(fields, Mapping):
            found |= flat_domains(fields, f"{full}.")
        elif isinstance(options, list):
            for option in options:
                if isinstance(option, Mapping) and isinstance(option.get("fields"), Mapping):
                    inner = flat_domains(option["fields"], f"{full}.")
                    # What is constant in one option may be another constant in the next.
                    inner = {n: {} if d.get("type") == "constant" else d for n, d in inner.items()}
                    # What several options have is not one domain: its values tell.
                    shared = {n for n in inner if n in found and found[n] != inner[n]}
                    found |= {n: d for n, d in inner.items() if n not in shared}
                    found |= {name: {} for name in shared}
        else:
            found[full] = domain
    return found


def _column(
    name: str, domain: Mapping[str, Any], values: Sequence[Any], mask: Sequence[bool]
) -> Hyperparameter:
    inner = domain.get("domain")
    if domain.get("type") == "quantized" and isinstance(inner, Mapping):
        domain = inner
    listed = domain.get("values") if isinstance(domain.get("values"), list) else None
    there = [value for value, has in zip(values, mask, strict=True) if has]
    numbers = [float(value) for value in there if _is_number(value)]
    is_numeric = len(numbers) == len(there) and (listed is None or all(map(_is_number, listed)))
    if listed is not None and is_numeric and len(listed) <= MOST_LABELS:
        is_numeric = False
    if not is_numeric:
        labels = list(dict.fromkeys(_label(value) for value in [*(listed or []), *there]))
        place = {label: number for number, label in enumerate(labels)}
        column = tuple(
            place[_label(value)] if has else None for value, has in zip(values, mask, strict=True)
        )
        return Hyperparameter(name, tuple(labels), False, True, None, None, column)
    ends = [float(domain[end]) for end in ("low", "high") if _is_number(domain.get(end))]
    low, high = min([*ends, *numbers], default=0.0), max([*ends, *numbers], default=1.0)
    kind = str(domain.get("type", ""))
    is_known = kind in ("uniform", "randint")
    is_log = low > 0 and (
        kind.removeprefix("scipy.stats.") in _LOG or (not is_known and high / low >= _WIDE)
    )
    whole = all(number.is_integer() for number in numbers)
    column = tuple(value if has else None for value, has in zip(values, mask, strict=True))
    return Hyperparameter(name, (), is_log, whole, low, high, column)


def _is_number(value: object) -> TypeGuard[int | float]:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and abs(value) <= 1.7976931348623157e308
        and math.isfinite(value)
    )


def _label(value: Any) -> str:
    """A value of a choice, on one line."""
    text = value if isinstance(value, str) else canonical(value)
    return one_line(text)
