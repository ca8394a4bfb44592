"""Searchers: what the next trial's configuration is. One file each; all are pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from hpo.json_values import JsonValue


class Searcher(Protocol):
    """Proposes configurations; holds no state that a resumed campaign would have to restore."""

    def suggest(self, trial_id: int, taken: Collection[str]) -> dict[str, JsonValue] | None:
        """The configuration of trial `trial_id`, or None when there is nothing left to try.

        Args:
            trial_id: The number of the trial, from 0.
            taken: The `canonical` texts of the configurations of the trials before it.
        """
        ...
