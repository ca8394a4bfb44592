"""A space as campaign.json has it, read back: what `Space.to_json` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpo.space.base import Domain
from hpo.space.listed import Constant
from hpo.space.nested import Nested, Options
from hpo.space.space import Space, read_space


def stored_space(document: Mapping[str, Any]) -> Space:
    """The space that was written so.

    Raises:
        ValueError: it cannot be known from that alone, as a distribution of the user's own class;
            or it was edited.
    """
    try:
        return Space({name: _domain(written) for name, written in sorted(document.items())})
    except (KeyError, TypeError, AttributeError) as err:
        raise ValueError(f"this is no space: {document!r:.80}") from err


def _domain(written: Mapping[str, Any]) -> Domain:
    match written["type"]:
        case "constant":
            return Constant(written["value"])
        case "mapping":
            return Nested({name: _domain(inner) for name, inner in written["fields"].items()})
        case "options":
            return Options(tuple(_domain(option) for option in written["options"]))
        case _:
            space, problems = read_space({"it": dict(written)})
            if problems:
                raise ValueError(problems[0])
            return space.domains["it"]
