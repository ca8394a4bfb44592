"""Domains as the sweeps of other programs write them: understood, or refused by name.

`{min: 0.1, max: 0.5}`, `{values: [16, 32]}`, `{distribution: log_uniform_values, …}` (Weights &
Biases) and `{type: float, low: …, high: …, log: true}` (Optuna) mean one thing only. What others
write is told apart from hyperparameters of the user's own and refused. No I/O.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from hpo.space import domains
from hpo.space.base import is_number

LOWS, HIGHS = ("min", "low", "lower"), ("max", "high", "upper")
LISTS = ("values", "choices", "categories")
REAL, WHOLE = ("float", "double", "real"), ("int", "integer")
OTHERS = {
    "_type": "NNI",
    "_value": "NNI",
    "grid_search": "Ray Tune",
    "minval": "Determined",
    "maxval": "Determined",
    "vals": "Determined",
    "bounds": "Ax",
    "value_type": "Ax",
    "log_scale": "Ax",
    "feasibleSpace": "Katib",
    "parameterType": "Katib",
    "MinValue": "SageMaker",
    "MaxValue": "SageMaker",
    "ScalingType": "SageMaker",
    "range": "a sweep",
    "parameters": "Weights & Biases",
}
"""Words of other programs, by which a mapping is known that is not understood here."""

_MODIFIERS = ("type", "log", "step", "q", "base", "mu", "sigma", "probabilities", "distribution")
_WORDS = {*LOWS, *HIGHS, *LISTS, *OTHERS, *_MODIFIERS, "value", "name", "default", "kind"}
_TYPES = (*REAL, *WHOLE, "categorical", "log", "const", "fixed", "discrete", "range", "ordered")
_HOW = (
    "write uniform(…), loguniform(…), randint(…) or choice([…]); hyperparameters that are called"
    " so are written constant(…)"
)

# What Weights & Biases calls a distribution, as a domain of its other keys.
_DISTRIBUTIONS: dict[str, tuple[tuple[str, ...], Callable[..., Any]]] = {
    "constant": (("value",), domains.constant),
    "categorical": (("values",), domains.choice),
    "int_uniform": (("min", "max"), domains.randint),
    "uniform": (("min", "max"), domains.uniform),
    "log_uniform_values": (("min", "max"), domains.loguniform),
    "q_uniform": (
        ("min", "max", "q"),
        lambda low, high, q: domains.quantized(domains.uniform(low, high), q),
    ),
    "q_log_uniform_values": (
        ("min", "max", "q"),
        lambda low, high, q: domains.quantized(domains.loguniform(low, high), q),
    ),
}
_INSTEAD = {
    "log_uniform": "its bounds are exponents; write loguniform(e^min, e^max)",
    "q_log_uniform": "its bounds are exponents; write quantized(loguniform(e^min, e^max), q)",
    "normal": "write scipy.stats.norm(mu, sigma)",
    "log_normal": "write scipy.stats.lognorm(sigma, scale=e^mu)",
}


def read_sweep(written: Mapping[Any, Any]) -> Any | None:
    """The domain that a sweep's mapping means; None: it is a mapping of hyperparameters.

    Raises:
        ValueError: it is a sweep's, and not understood; the message says what to write.
    """
    keys = set(written)
    if isinstance(written.get("distribution"), str) and _is_plain(written):
        return _from_distribution(written)
    if not keys or not keys <= _WORDS or not _is_plain(written):
        return None
    kind = written.get("type")
    if kind is not None and kind not in _TYPES:
        return None
    if keys == {"value"}:
        return domains.constant(written["value"])
    rest = keys - {"type"}
    if len(rest) == 1 and rest <= {*LISTS} and kind in (None, "categorical", "discrete"):
        return domains.choice(written[next(iter(rest))])
    if "probabilities" in keys:
        raise ValueError(
            "probabilities are not taken: list a value twice to draw it twice as often"
        )
    if keys & {*LOWS, *HIGHS} and kind in (None, *REAL, *WHOLE) and not keys & {*OTHERS}:
        return _between(written)
    foreign = [f"{OTHERS[key]}'s" for key in written if key in OTHERS]
    if foreign or kind is not None:
        whose = foreign[0] if foreign else "another program's"
        raise ValueError(f"{dict(written)} is {whose} way to write a domain: {_HOW}")
    return None


def _from_distribution(written: Mapping[Any, Any]) -> Any | None:
    name = str(written["distribution"]).lower()
    takes, make = _DISTRIBUTIONS.get(name, ((), domains.constant))
    rest = set(written) - {"distribution"}
    if takes and rest == {*takes}:
        return make(*(written[key] for key in takes))
    if takes:
        raise ValueError(f"the distribution {name!r} takes {', '.join(takes)}")
    if not rest <= _WORDS:
        return None
    known = ", ".join(_DISTRIBUTIONS)
    instead = _INSTEAD.get(name, f"there are {known}; or {_HOW}")
    raise ValueError(f"the distribution {name!r} is not known here: {instead}")


def _between(written: Mapping[Any, Any]) -> Any:
    low = [written[key] for key in LOWS if key in written]
    high = [written[key] for key in HIGHS if key in written]
    rest = set(written) - {*LOWS, *HIGHS, "type"}
    if len(low) != 1 or len(high) != 1:
        raise ValueError(f"{dict(written)} needs one lower and one upper end: {_HOW}")
    if rest - {"log"} or not isinstance(written.get("log", False), bool):
        raise ValueError(f"{dict(written)}: {', '.join(sorted(rest))} is not understood: {_HOW}")
    kind = written.get("type")
    is_whole = kind in WHOLE or (kind is None and all(map(_is_int, (*low, *high))))
    if written.get("log", False):
        return (domains.lograndint if is_whole else domains.loguniform)(low[0], high[0])
    return (domains.randint if is_whole else domains.uniform)(low[0], high[0])


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_plain(written: Mapping[Any, Any]) -> bool:
    """Whether the ends are numbers: domains, and text that is one, are hyperparameters."""
    ends = [written[key] for key in (*LOWS, *HIGHS) if key in written]
    return all(is_number(end) and math.isfinite(end) for end in ends)
