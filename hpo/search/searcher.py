"""What a searcher is, and what it is told when a trial is drawn; each searcher has a file."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hpo.record.state import CampaignState
from hpo.values import JsonValue, canonical


@dataclass(frozen=True, slots=True)
class Tried:
    """What is known of an earlier trial that has a finite result."""

    trial_id: int
    config: dict[str, Any]
    error: float
    """Its last result; smaller is better, so with `mode: max` the metric is negated."""
    resource: int
    """How far it has been trained; at rungs, results of different resources stand side by side."""


class Searcher(Protocol):
    """Proposes configurations; holds no state that a resumed campaign would have to restore.

    What it says may follow from its seed and its arguments alone. The manager writes down what it
    said, and asks again only for a trial that it had not written down.
    """

    def suggest(
        self, trial_id: int, taken: Collection[str], results: Iterable[Tried] = ()
    ) -> dict[str, JsonValue] | None:
        """The configuration of trial `trial_id`, or None when there is nothing left to try.

        Args:
            trial_id: The number of the trial, from 0, not counting points that were enqueued.
            taken: The `canonical` texts of the configurations of the trials before it.
            results: The trials that have a result so far, to be gone through once.
        """
        ...


class Drawn:
    """The configurations of a state and of the decisions not applied yet, as one collection."""

    def __init__(self, taken: set[str], constants: Mapping[str, Any] | None = None) -> None:
        self._taken = taken
        self._constants = constants  # of all trials by now, which a searcher may know otherwise
        self.new: set[str] = set()

    def __contains__(self, key: object) -> bool:
        if self._constants and isinstance(key, str):
            key = canonical({**json.loads(key), **self._constants})
        return key in self._taken or key in self.new

    def __len__(self) -> int:
        return len(self._taken) + len(self.new)

    def __iter__(self) -> Iterator[str]:
        yield from self._taken
        yield from self.new


def tried(state: CampaignState) -> Iterator[Tried]:
    """The results of a state so far; lazily, because random search does not look at them."""
    for trial in state.trials.values():
        if trial.metric is not None:
            yield Tried(
                trial.trial_id, dict(trial.config), state.goal.key(trial.metric), trial.resource
            )
