"""The functions with which users write a domain: `uniform(0, 1)`, `choice(["adam", "sgd"])`.

They never raise: what is wrong with a domain is told by its `problems()`, together with all other
mistakes of the configuration. No I/O, no clock, no randomness.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hpo.space.base import NumberDomain, is_number, is_whole_number
from hpo.space.listed import Choice, Constant
from hpo.space.numeric import Integers, Quantized, Uniform
from hpo.space.scipy_frozen import Frozen, is_frozen
from hpo.values import plain_or_same


def uniform(low: float, high: float) -> Uniform:
    """Real numbers from `low` to `high`, evenly; scipy's `uniform` takes `loc, scale` instead."""
    return Uniform(_real(low), _real(high))


def loguniform(low: float, high: float) -> Uniform:
    """Real numbers from `low` > 0 to `high`, evenly in the logarithm; as scipy's `loguniform`."""
    return Uniform(_real(low), _real(high), is_log=True)


def randint(low: int, high: int) -> Integers:
    """Integers from `low` to `high`, evenly, the upper end INCLUDED: `randint(1, 3)` is 1, 2 or 3.

    So it is in Syne Tune. `scipy.stats.randint(1, 3)` and `numpy` exclude it: they give 1 or 2.
    """
    return Integers(_whole(low), _whole(high))


def lograndint(low: int, high: int) -> Integers:
    """Integers from `low` >= 1 to `high`, evenly in the logarithm, the upper end INCLUDED."""
    return Integers(_whole(low), _whole(high), is_log=True)


def choice(values: Iterable[Any]) -> Choice:
    """One of `values`, each as likely; the same as a plain list. The values may be lists."""
    return Choice(_listed(values))


def ordinal(values: Iterable[Any]) -> Choice:
    """One of `values`, which have an order: `ordinal(["small", "medium", "large"])`."""
    return Choice(_listed(values), is_ordered=True)


def quantized(domain: Any, step: float) -> Quantized:
    """The multiples of `step` within `domain`: `quantized(uniform(0, 1), 0.05)` is 0.0, 0.05, ...

    `domain` is a domain of numbers, or a frozen scipy.stats distribution.
    """
    inner: NumberDomain = Frozen(domain) if is_frozen(domain) else domain
    return Quantized(inner, plain_or_same(step))


def constant(value: Any) -> Constant:
    """Always `value`: for lists, mappings, and text that looks like a domain.

    Other plain values are constants by themselves.
    """
    return Constant(plain_or_same(value))


def _listed(values: Any) -> tuple[Any, ...]:
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        return (plain_or_same(values),)
    return tuple(plain_or_same(value) for value in values)


def _real(value: Any) -> Any:
    value = plain_or_same(value)
    try:
        return float(value) if is_number(value) else value
    except OverflowError:
        return float("inf")  # because an integer beyond all floats is as good as that


def _whole(value: Any) -> Any:
    value = plain_or_same(value)
    return int(value) if is_whole_number(value) else value
