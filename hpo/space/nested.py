"""Domains made of other domains: mappings of hyperparameters, and options with their own.

`Options` makes hyperparameters conditional: a value holds those of the option that was chosen and
no others. No I/O, no clock; the only randomness is a generator seeded by the quantile.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from hpo.space.base import Domain, describe
from hpo.values import JsonValue


@dataclass(frozen=True)  # without slots, because of the cached property
class Nested:
    """A mapping with a domain for each of its names, in sorted order."""

    fields: Mapping[str, Domain]

    @cached_property
    def free(self) -> tuple[str, ...]:
        """The names that are not constant; each takes one quantile in `config`."""
        # Once, because scipy takes its time to tell.
        return tuple(name for name, domain in self.fields.items() if domain.size != 1)

    def problems(self) -> list[str]:
        """See `Domain.problems`; each begins with the name below this one: `.lr: …`."""
        return [
            below(f".{name}", problem)
            for name, domain in self.fields.items()
            for problem in domain.problems()
        ]

    @property
    def size(self) -> int | None:
        """See `Domain.size`."""
        sizes = [domain.size for domain in self.fields.values()]
        finite = [size for size in sizes if size is not None]
        return math.prod(finite) if len(finite) == len(sizes) else None

    def config(self, us: Sequence[float]) -> dict[str, JsonValue]:
        """The values at these quantiles, one in [0, 1) for each name in `free`."""
        quantiles = dict(zip(self.free, us, strict=True))
        return {
            name: domain.value(quantiles.get(name, 0.0)) for name, domain in self.fields.items()
        }

    def value(self, u: float) -> dict[str, JsonValue]:
        """One mapping for each `u`; there is no order among them, so `u` is as good as a seed."""
        return self.config(_quantiles(u, len(self.free)))

    def at(self, index: int) -> dict[str, JsonValue]:
        """See `Domain.at`; the last name changes fastest."""
        values: dict[str, JsonValue] = {}
        for name, domain in reversed(list(self.fields.items())):
            index, digit = divmod(index, domain.size or 1)
            values[name] = domain.at(digit)
        return dict(sorted(values.items()))

    def midpoint(self) -> dict[str, JsonValue]:
        """The midpoints of all names."""
        return {name: domain.midpoint() for name, domain in self.fields.items()}

    def contains(self, value: object) -> bool:
        """See `Domain.contains`; every name must be there, and no other."""
        return (
            isinstance(value, Mapping)
            and value.keys() == self.fields.keys()
            and all(domain.contains(value[name]) for name, domain in self.fields.items())
        )

    def nearest(self, value: JsonValue) -> dict[str, JsonValue]:
        """See `Domain.nearest`."""
        return {name: domain.nearest(value[name]) for name, domain in self.fields.items()}

    def to_json(self) -> dict[str, JsonValue]:
        """See `Domain.to_json`."""
        fields = {name: domain.to_json() for name, domain in self.fields.items()}
        return {"type": "mapping", "fields": fields}


@dataclass(frozen=True, slots=True)
class Options:
    """One of several options, each as likely; an option is a mapping with domains, or a value."""

    options: tuple[Domain, ...]

    def problems(self) -> list[str]:
        """See `Domain.problems`; each begins with the option's number, from 0: `[1].lr: …`."""
        return [
            below(f"[{number}]", problem)
            for number, option in enumerate(self.options)
            for problem in option.problems()
        ]

    @property
    def size(self) -> int | None:
        """See `Domain.size`; a value that two options have is counted twice."""
        sizes = [option.size for option in self.options]
        finite = [size for size in sizes if size is not None]
        return sum(finite) if len(finite) == len(sizes) else None

    def value(self, u: float) -> JsonValue:
        """See `Nested.value`."""
        which, inner = _quantiles(u, 2)
        return self.options[int(which * len(self.options))].value(inner)

    def at(self, index: int) -> JsonValue:
        """See `Domain.at`; option by option."""
        for option in self.options:
            if option.size is not None and index < option.size:
                return option.at(index)
            index -= option.size or 0
        raise TypeError(f"{describe(self)} has no such value")

    def midpoint(self) -> JsonValue:
        """The first option's."""
        return self.options[0].midpoint()

    def contains(self, value: object) -> bool:
        """See `Domain.contains`."""
        return any(option.contains(value) for option in self.options)

    def nearest(self, value: JsonValue) -> JsonValue:
        """See `Domain.nearest`."""
        return next(option.nearest(value) for option in self.options if option.contains(value))

    def to_json(self) -> dict[str, JsonValue]:
        """See `Domain.to_json`."""
        return {"type": "options", "options": [option.to_json() for option in self.options]}


def completed(domain: Domain, given: JsonValue) -> JsonValue:
    """The domain's own value that is meant by what a user gave; what is left out is filled in.

    What a mapping leaves out gets the midpoint of its domain. Of several options it is the first
    that what is given fits.

    Raises:
        ValueError: the domain has no such value; the text goes on behind the domain's name, as in
            ".lr=3 is not in …".
    """
    if isinstance(domain, Nested) and isinstance(given, Mapping):
        return _completed_mapping(domain, given)
    if isinstance(domain, Options) and not domain.contains(given):
        for option in domain.options:
            try:
                return completed(option, given)
            except ValueError:
                continue
    if not domain.contains(given):
        raise ValueError(f"={given!r} is not in {describe(domain)}")
    return domain.nearest(given)


def _completed_mapping(domain: Nested, given: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    for name in given:
        if name not in domain.fields:
            near = difflib.get_close_matches(str(name), domain.fields, n=1)
            hint = f": did you mean {near[0]!r}?" if near else ""
            raise ValueError(f" has no {name!r}{hint}")
    values = domain.midpoint()
    for name, value in given.items():
        try:
            values[name] = completed(domain.fields[name], value)
        except ValueError as error:
            raise ValueError(f".{name}{error}") from error
    return values


def _quantiles(u: float, count: int) -> list[float]:
    """As many quantiles as one stands for; equal ones for an equal `u`, on every machine."""
    from numpy.random import default_rng  # here, because few spaces need it

    return [float(each) for each in default_rng(int(u * 2**53)).random(count)]


def below(name: str, problem: str) -> str:
    """The problem of what is called `name` here, whose own text may begin with names below."""
    return f"{name}{problem}" if problem.startswith((".", "[")) else f"{name}: {problem}"
