"""The search space: named domains, their configurations, and the checks of what a user wrote.

No I/O, no clock, no randomness that is not passed in.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpo.space.base import Domain
from hpo.space.nested import Nested, below, completed
from hpo.space.text import read_expressions
from hpo.space.written import as_domain
from hpo.values import JsonValue, plain


@dataclass(frozen=True, slots=True)
class Space:
    """All hyperparameters of a campaign; build it with `read_space`."""

    domains: Mapping[str, Domain]
    """By name, in sorted order."""
    free: tuple[str, ...] = field(init=False)
    """The names that are not constant; each takes one quantile in `config`."""
    _whole: Nested = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        whole = Nested(self.domains)
        object.__setattr__(self, "_whole", whole)
        object.__setattr__(self, "free", whole.free)

    @property
    def constants(self) -> dict[str, JsonValue]:
        """What is the same in all configurations."""
        fixed = [name for name in self.domains if name not in self.free]
        return {name: self.domains[name].value(0.0) for name in fixed}

    @property
    def size(self) -> int | None:
        """The number of distinct configurations; None when there is no end of them."""
        return self._whole.size

    def config(self, us: Sequence[float]) -> dict[str, JsonValue]:
        """The configuration at these quantiles, one in [0, 1) for each name in `free`."""
        return self._whole.config(us)

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
        return self._whole.at(index)

    def midpoint(self) -> dict[str, JsonValue]:
        """The configuration of all midpoints: medians, and the first value of each choice."""
        return self._whole.midpoint()

    def completed(self, point: Mapping[str, Any]) -> dict[str, JsonValue]:
        """The configuration that a point means; what it leaves out is the middle of its domain.

        Raises:
            ValueError: it is none of the space's; the text says why.
        """
        values = self.midpoint()
        for name, value in point.items():
            if name not in self.domains:
                near = difflib.get_close_matches(name, self.domains, n=1)
                hint = f": did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"the space has no {name!r}{hint}")
            try:
                values[name] = completed(self.domains[name], _plain_value(value))
            except ValueError as error:
                raise ValueError(f"{name}{error}") from error
        return values

    def constant_int(self, name: str) -> int | None:
        """The value of a hyperparameter that can only be one whole number; else None."""
        domain = self.domains.get(name)
        value = domain.value(0.0) if domain is not None and domain.size == 1 else None
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def contains(self, config: Mapping[str, object]) -> bool:
        """Whether `config` is one of the space's configurations, with every name."""
        return self._whole.contains(config)

    def to_json(self) -> dict[str, JsonValue]:
        """The canonical description, for the campaign's digest and for people."""
        return {name: domain.to_json() for name, domain in self.domains.items()}


def read_space(raw: Mapping[str, Any]) -> tuple[Space, list[str]]:
    """The space a user wrote, and everything that is wrong with it.

    Text and mappings that describe a domain are that domain. Hyperparameters with problems are left
    out of the space; each problem begins with the name of its own.
    """
    domains: dict[str, Domain] = {}
    read, problems = read_expressions(raw)
    if not raw:
        problems.append("the space is empty: name at least one hyperparameter")
    for name, value in read.items():
        domain = as_domain(value)
        found = name_problems(name) + _unfinished_domain(value)
        found = found or domain.problems()
        problems += [below(str(name), problem) for problem in found]
        if not found:
            domains[name] = domain
    return Space(dict(sorted(domains.items()))), problems


def _plain_value(value: Any) -> JsonValue:
    try:
        return plain(value)
    except ValueError as error:
        raise ValueError(f": {error}") from error


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
