"""The search space: named domains, their configurations, and the checks of what a user wrote.

No I/O, no clock, no randomness that is not passed in. The domain functions are re-exported here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpo.space.base import Domain, describe
from hpo.space.domains import (
    as_domain,
    choice,
    constant,
    lograndint,
    loguniform,
    ordinal,
    quantized,
    randint,
    uniform,
)
from hpo.values import JsonValue, canonical

__all__ = [
    "Domain",
    "Space",
    "as_domain",
    "canonical",
    "choice",
    "constant",
    "describe",
    "lograndint",
    "loguniform",
    "ordinal",
    "quantized",
    "randint",
    "read_space",
    "uniform",
]


@dataclass(frozen=True, slots=True)
class Space:
    """All hyperparameters of a campaign; build it with `read_space`."""

    domains: Mapping[str, Domain]
    """By name, in sorted order."""
    free: tuple[str, ...] = field(init=False)
    """The names that are not constant; each takes one quantile in `config`."""

    def __post_init__(self) -> None:
        free = tuple(name for name, domain in self.domains.items() if domain.size != 1)
        object.__setattr__(self, "free", free)  # once, because scipy takes its time to tell

    @property
    def size(self) -> int | None:
        """The number of distinct configurations; None when there is no end of them."""
        sizes = [domain.size for domain in self.domains.values()]
        finite = [size for size in sizes if size is not None]
        return math.prod(finite) if len(finite) == len(sizes) else None

    def config(self, us: Sequence[float]) -> dict[str, JsonValue]:
        """The configuration at these quantiles, one in [0, 1) for each name in `free`."""
        quantiles = dict(zip(self.free, us, strict=True))
        return {
            name: domain.value(quantiles.get(name, 0.0)) for name, domain in self.domains.items()
        }

    def enumerate(self, index: int) -> dict[str, JsonValue]:
        """The index-th configuration of a finite space; the last name changes fastest.

        Raises:
            TypeError: the space has no end.
            IndexError: `index` is not below `size`.
        """
        size = self.size
        if size is None:
            raise TypeError("only a finite space can be enumerated")
        if not 0 <= index < size:
            raise IndexError(f"index {index} is not in a space of {size} configurations")
        values: dict[str, JsonValue] = {}
        for name, domain in reversed(list(self.domains.items())):
            index, digit = divmod(index, domain.size or 1)
            values[name] = domain.at(digit)
        return dict(sorted(values.items()))

    def midpoint(self) -> dict[str, JsonValue]:
        """The configuration of all midpoints: medians, and the first value of each choice."""
        return {name: domain.midpoint() for name, domain in self.domains.items()}

    def constant_int(self, name: str) -> int | None:
        """The value of a hyperparameter that can only be one whole number; else None."""
        domain = self.domains.get(name)
        value = domain.value(0.0) if domain is not None and domain.size == 1 else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def contains(self, config: Mapping[str, object]) -> bool:
        """Whether `config` is one of the space's configurations, with every name."""
        return config.keys() == self.domains.keys() and all(
            domain.contains(config[name]) for name, domain in self.domains.items()
        )

    def to_json(self) -> dict[str, JsonValue]:
        """The canonical description, for the campaign's digest and for people."""
        return {name: domain.to_json() for name, domain in self.domains.items()}


def read_space(raw: Mapping[str, Any]) -> tuple[Space, list[str]]:
    """The space a user wrote, and everything that is wrong with it.

    Hyperparameters with problems are left out of the space.
    """
    domains: dict[str, Domain] = {}
    problems: list[str] = []
    if not raw:
        problems.append("the space is empty: name at least one hyperparameter")
    for name, value in raw.items():
        domain = as_domain(value)
        found = name_problems(name) + _unfinished_domain(value)
        found = found or domain.problems()
        problems += [f"{name}: {problem}" for problem in found]
        if not found:
            domains[name] = domain
    return Space(dict(sorted(domains.items()))), problems


def name_problems(name: object) -> list[str]:
    """Why `name` cannot be a hyperparameter's name; whether an objective takes it, that checks."""
    if not isinstance(name, str):
        return [f"a hyperparameter's name must be text, not {name!r}"]
    if not name.strip() or not name.isprintable():
        return [f"{name!r} cannot be read: a hyperparameter's name must be text that can be seen"]
    return []


def _unfinished_domain(value: object) -> list[str]:
    """Distributions that nearly are domains, with what is missing."""
    if hasattr(value, "ppf") and not hasattr(value, "dist"):
        name = getattr(value, "name", type(value).__name__)
        return [f"scipy.stats.{name} lacks its parameters: call it, as in loguniform(1e-4, 1e-2)"]
    if hasattr(value, "icdf") and not hasattr(value, "ppf"):
        return [
            f"{type(value).__name__} is of scipy's new kind of distribution: "
            "use the one with a small letter, as in scipy.stats.norm(0, 1)"
        ]
    return []
