"""JSON out of files that anybody may have written: what is believed of it before it is looked at.

Owns the bounds: how deep, how many values, how large a number. Within them every number is also a
float, so that nothing that is computed with one overflows. Standard library only.
"""

from __future__ import annotations

import json
from typing import Any

MOST_DEPTH = 100  # mappings and lists within each other; a configuration has a few
MOST_VALUES = 2_500_000  # of a document, which takes about 100 bytes of memory for each
MOST_DIGITS = 300  # of a whole number


def parse(data: bytes, *, strict: bool = False) -> Any:
    """The value of a JSON document.

    Args:
        data: UTF-8.
        strict: refuse NaN and the infinities, too, which are no JSON, and which nobody wrote here.

    Raises:
        ValueError: it is no JSON, or out of bounds; the message says so in words.
    """
    few = data.count(b"[") + data.count(b"{")
    if few + data.count(b",") > MOST_VALUES:
        raise ValueError(f"it holds more than {MOST_VALUES} values")
    refuse = _refuse if strict else None
    try:
        value = json.loads(
            data, parse_int=_integer, parse_constant=refuse, parse_float=_finite if strict else None
        )
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if few > MOST_DEPTH:
        _require_flat(value)
    return value


_TOO_DEEP = f"it is nested more than {MOST_DEPTH} deep"


def _require_flat(value: Any) -> None:
    level = [value]
    for _ in range(MOST_DEPTH):
        below: list[Any] = []
        for node in level:
            inner = node.values() if type(node) is dict else node if type(node) is list else ()
            below += [item for item in inner if type(item) in (dict, list)]
        if not below:
            return
        level = below
    raise ValueError(_TOO_DEEP)


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text:.20} is larger than any number of a computer")
    return value


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON, and was never written here")
