"""Domains of other programs, known by what they are; none of these programs is imported.

Syne Tune's are understood. Ray Tune's look the same, but leave out the upper end of integers: they
are refused by name, as is what cannot be drawn here. No I/O, no clock, no randomness.
"""

from __future__ import annotations

from typing import Any

from hpo.space.base import Domain
from hpo.space.domains import (
    choice,
    lograndint,
    loguniform,
    ordinal,
    quantized,
    randint,
    uniform,
)
from hpo.space.listed import Refused

PROGRAMS = ("syne_tune", "ray", "optuna", "hyperopt", "ConfigSpace", "skopt", "nevergrad")
ADVICE = "write uniform, loguniform, randint, lograndint or choice of hpo, or one of scipy.stats"

_MAKE = {
    ("Uniform", False): uniform,
    ("Uniform", True): randint,
    ("LogUniform", False): loguniform,
    ("LogUniform", True): lograndint,
}


def from_other_tool(raw: Any) -> Domain | None:
    """The domain that an object of another program stands for; None: it is no such object."""
    if isinstance(raw, type):
        return None
    if _home(raw) not in PROGRAMS or _home(raw) == "syne_tune":
        if hasattr(raw, "categories") and hasattr(raw, "sampler"):
            return (ordinal if _kind(raw).startswith("Ordinal") else choice)(raw.categories)
        has_bounds = hasattr(raw, "lower") and hasattr(raw, "upper")
        if has_bounds and hasattr(raw, "log_scale") and hasattr(raw, "values"):
            return ordinal(raw.values)
        if has_bounds and hasattr(raw, "sampler"):
            return _between_bounds(raw)
    return _refused(raw) if _home(raw) in PROGRAMS else None


def _between_bounds(raw: Any) -> Domain:
    sampler, step = raw.sampler, None
    if hasattr(sampler, "q"):
        sampler, step = sampler.sampler, sampler.q
    scale = "Uniform" if sampler is None else _kind(sampler).strip("_")
    is_whole = getattr(raw, "value_type", None) is int or _kind(raw) == "Integer"
    if (scale, is_whole) not in _MAKE:
        return _refused(raw, f" with the sampler {scale}")
    domain: Any = _MAKE[scale, is_whole](raw.lower, raw.upper)
    return domain if step is None else quantized(domain, step)


def _refused(raw: Any, how: str = "") -> Refused:
    return Refused(None, f"{_kind(raw)} of {_home(raw)}{how} cannot be drawn here: {ADVICE}")


def _kind(raw: Any) -> str:
    return type(raw).__name__


def _home(raw: Any) -> str:
    """The package that an object's class is of."""
    return str(type(raw).__module__).partition(".")[0]
