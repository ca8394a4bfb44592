"""The settings of each searcher, by its name; what they mean is for `hpo.search` to say."""

from __future__ import annotations

import difflib
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from hpo.settings.types import PositiveCount, Settings, read_reference

Share = Annotated[float, Field(ge=0, le=1)]


class RandomSettings(Settings):
    """Independent draws; no settings."""

    name: Literal["random"] = "random"
    """`random`."""


class SobolSettings(Settings):
    """Points that fill the space evenly, without looking at results; no settings."""

    name: Literal["sobol"] = "sobol"
    """`sobol`."""


class GridSettings(Settings):
    """Every combination of values once, in shuffled order."""

    name: Literal["grid"] = "grid"
    """`grid`."""

    n_values: PositiveCount | None = None
    """Values of each domain that has no end of them, evenly from end to end of its scale; needed
    where there is such a domain."""


class LocalSettings(Settings):
    """One hyperparameter of one of the best configurations is drawn anew."""

    name: Literal["local"] = "local"
    """`local`."""

    n_initial: PositiveCount = 6
    """Trials that are drawn at random before the first step."""

    p_random: Share = 0.2
    """Share of the later trials that are random too, against getting stuck."""

    n_best: PositiveCount = 1
    """How many of the best configurations are gone on from."""


class TpeSettings(Settings):
    """What is likely among the good trials and unlikely among the others."""

    name: Literal["tpe"] = "tpe"
    """`tpe`."""

    n_initial: PositiveCount = 10
    """Trials that are drawn at random before the first one that is learned."""

    gamma: Annotated[float, Field(gt=0, lt=1)] = 0.15
    """Share of the trials that count as good."""

    most_good: Annotated[int, Field(ge=2)] = 25
    """How many that are at most."""

    n_candidates: PositiveCount = 24
    """Points that are drawn from the good ones, of which the best is tried."""


class GpSettings(Settings):
    """A Gaussian process over the results: the configuration that is expected to improve most."""

    name: Literal["gp"] = "gp"
    """`gp`."""

    n_initial: PositiveCount = 10
    """Trials that are drawn at random before the first one that is learned."""


MODELS: dict[str, type[Settings]] = {
    "random": RandomSettings,
    "sobol": SobolSettings,
    "grid": GridSettings,
    "local": LocalSettings,
    "tpe": TpeSettings,
    "gp": GpSettings,
}
OWN = "own"


def _tag(value: Any) -> str:
    if isinstance(value, str):
        return OWN
    return str(value["name"] if isinstance(value, dict) else value.name)


Searchers = Annotated[
    Annotated[RandomSettings, Tag("random")]
    | Annotated[SobolSettings, Tag("sobol")]
    | Annotated[GridSettings, Tag("grid")]
    | Annotated[LocalSettings, Tag("local")]
    | Annotated[TpeSettings, Tag("tpe")]
    | Annotated[GpSettings, Tag("gp")]
    | Annotated[str, Tag(OWN)],
    Discriminator(_tag),
]
"""The settings of a searcher of this program; text names one of the user's own."""


def read_searcher(value: object) -> object:
    """A searcher that is given by its name alone, as a mapping; a reference as it is.

    Raises:
        ValueError: there is no such searcher.
    """
    if value is None or (isinstance(value, Settings) and type(value) in MODELS.values()):
        return value
    if isinstance(value, str) and ":" in value:
        return read_reference(value)
    name = value.get("name") if isinstance(value, dict) else value
    if not isinstance(name, str) or name not in MODELS:
        near = difflib.get_close_matches(str(name), MODELS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"must be {', '.join(MODELS)}, a mapping with such a name as in {{name: tpe}}, or a"
            f" searcher of your own, 'package.module:function' or 'file.py:function', not"
            f" {name!r}{hint}"
        )
    return {"name": value} if isinstance(value, str) else value
