"""What a hyperparameter's value may be: plain JSON data, and the one text of each configuration.

Turns numpy scalars, arrays, tuples and ranges into plain Python, and says what cannot be turned.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

JsonValue: TypeAlias = Any
"""None, bool, int, finite float, str, or lists and string-keyed dicts of these."""

EXACT_INTEGERS = 2**53  # because above it a float no longer tells neighbouring integers apart


def plain(value: object) -> JsonValue:
    """The value as plain JSON data; numpy scalars become numbers, tuples and arrays lists.

    Raises:
        ValueError: it cannot be written as JSON; the message says what and what to do.
    """
    if value is None or isinstance(value, (bool, str)):
        return str(value) if isinstance(value, str) else value
    tolist = getattr(value, "tolist", None)
    if callable(tolist):  # because that is what numpy scalars and arrays have, and nothing plain
        return plain(tolist())
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value!r} is not a finite number")
        return float(value)
    if isinstance(value, (list, tuple, range)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        wrong = [key for key in value if not isinstance(key, str)]
        if wrong:
            raise ValueError(f"a mapping's keys must be text, not {wrong[0]!r}")
        return {key: plain(item) for key, item in value.items()}
    advice = "use a list" if isinstance(value, (set, frozenset)) else "use text, numbers or lists"
    raise ValueError(
        f"a value of type {type(value).__name__} cannot be written to the trial's files: {advice}"
    )


def plain_or_same(value: Any) -> Any:
    """The same, or `value` itself where it has no plain data, for others to say what is wrong."""
    try:
        return plain(value)
    except ValueError:
        return value


def flat(config: Mapping[str, JsonValue], above: str = "") -> dict[str, JsonValue]:
    """A configuration with one name for each value: `optimizer.lr` for one below a mapping."""
    values: dict[str, JsonValue] = {}
    for name, value in config.items():
        if isinstance(value, dict) and value:
            values |= flat(value, f"{above}{name}.")
        else:
            values[f"{above}{name}"] = value
    return values


def canonical(value: JsonValue) -> str:
    """The one JSON text of a value or configuration, for telling duplicates.

    Keys are sorted, and numbers that are equal read the same: `1.0` becomes `1` (but not `true`).
    """
    return json.dumps(_same_numbers(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _same_numbers(value: JsonValue) -> JsonValue:
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_INTEGERS:
        return int(value)
    if isinstance(value, list):
        return [_same_numbers(item) for item in value]
    if isinstance(value, dict):
        return {key: _same_numbers(item) for key, item in value.items()}
    return value
