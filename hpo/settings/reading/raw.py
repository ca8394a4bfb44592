"""A configuration as it was read, before it is checked: three sections and where they stand.

`python_files` and `yaml_files` fill it, `overrides` changes it, `loading` checks it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

SECTIONS = ("space", "slurm", "hpo")


@dataclass(frozen=True, slots=True)
class RawConfig:
    """The sections that could be read, and the problems with those that could not."""

    sections: dict[str, dict[Any, Any]]
    """By the names in `SECTIONS`; one that could not be read is absent."""
    labels: dict[str, str]
    """How the user knows each section: "get_hpo_config()" or "section 'hpo'"."""
    problems: list[str] = field(default_factory=list)
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    """Where a (section, key) stands, when that is known better than by its section."""
    objective: str | None = None
    """The objective that the configuration file itself defines."""

    def where(self, section: str, key: object) -> str:
        """Where a user finds `key`, for messages."""
        return self.places.get((section, str(key)), self.labels[section])


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """`: did you mean 'x'?`, or nothing when no known name is near."""
    near = difflib.get_close_matches(str(name), list(known), n=1)
    return f": did you mean {near[0]!r}?" if near else ""
