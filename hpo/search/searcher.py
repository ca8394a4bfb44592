"""What a searcher is, and what it is told when a trial is drawn; each searcher has a file."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from hpo.record import events as ev
from hpo.record.causes import INFRASTRUCTURE, LOST_TOO_OFTEN
from hpo.record.result import Outcome
from hpo.record.state import OPEN, CampaignState, TrialState, TrialStatus
from hpo.values import JsonValue, canonical

DIVERGED = "diverged"
_OPEN_WORDS = frozenset(status.value for status in OPEN)


@dataclass(frozen=True, slots=True)
class Tried:
    """What is known of an earlier trial."""

    trial_id: int
    config: dict[str, Any]
    error: float
    """Its last result; smaller is better, so with `mode: max` the metric is negated. Infinite where
    it has none: it runs for the first time, diverged or failed."""
    resource: int
    """How far it has been trained; at rungs, results of different resources stand side by side."""
    status: str = TrialStatus.COMPLETED.value
    """`waiting`, `offered`, `running`, `paused`, `completed`, `failed` or `stopped`."""
    cause: str | None = None
    """Why it failed or was stopped; `diverged` where its last metric was not finite."""
    errors: Mapping[int, float] = field(default_factory=dict)
    """The result of each leg by the resource at which it ended, as at each rung; infinite where it
    was not finite."""
    final: bool = True
    """Whether nothing more is to come of it: it was trained to its end, diverged or failed."""
    seconds: float = 0.0
    """What it has cost so far, in seconds of seats; lost legs count."""

    @property
    def is_open(self) -> bool:
        """Whether a leg of it runs, or is about to."""
        return self.status in _OPEN_WORDS and not self.final

    def error_at(self, resource: int) -> float | None:
        """Its result at `resource`, or at the first one beyond that it has.

        What it last came to where nothing more is to come; None: it is not known yet.
        """
        reached = [at for at in self.errors if at >= resource]
        if reached:
            return self.errors[min(reached)]
        return self.error if self.final else None


class History:
    """The trials so far, in their order; gone through, it gives those with a finite result.

    Nothing is computed before somebody looks, because random search does not.
    """

    def __init__(self, trials: Iterable[Tried] = ()) -> None:
        self._coming = iter(trials)
        self._new: list[Tried] = []
        self._all: list[Tried] = []

    @classmethod
    def of(cls, results: Iterable[Tried]) -> History:
        """`results` itself, or a history of these trials."""
        return results if isinstance(results, cls) else cls(results)

    @property
    def trials(self) -> list[Tried]:
        """All of them: also those that run, failed or diverged."""
        self._all.extend(self._coming)
        self._all.extend(self._new)
        self._new.clear()
        return self._all

    @property
    def pending(self) -> list[Tried]:
        """Those of which a leg runs, or is about to; some have results of earlier rungs."""
        return [tried for tried in self.trials if tried.is_open]

    @property
    def failed(self) -> list[Tried]:
        """Those that failed or diverged, with their cause."""
        return [tried for tried in self.trials if tried.cause and tried.error == math.inf]

    def __iter__(self) -> Iterator[Tried]:
        return (tried for tried in self.trials if tried.error < math.inf)

    def add_drawn(self, trial_id: int, config: dict[str, Any]) -> None:
        """One more trial, which was just drawn."""
        waits = TrialStatus.WAITING.value
        self._new.append(Tried(trial_id, config, math.inf, 0, waits, final=False))


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
            results: The trials that have a finite result so far. The manager gives a `History`,
                which also has those that run (`pending`) and those that came to nothing (`failed`).
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


def history(state: CampaignState) -> History:
    """What a state tells a searcher."""
    return History(_tried(state, trial) for trial in state.trials.values())


def _tried(state: CampaignState, trial: TrialState) -> Tried:
    ended, key = trial.ended_leg, state.goal.key
    cause = trial.cause
    final = trial.status is TrialStatus.FAILED and not _is_clusters_fault(cause)
    if isinstance(ended, ev.LegFinished) and ended.result.outcome is Outcome.COMPLETED:
        diverged = trial.metric is None
        cause = DIVERGED if diverged and cause is None else cause
        final = final or diverged or trial.final or ended.result.early
    return Tried(
        trial.trial_id,
        dict(trial.config),
        key(trial.metric),
        trial.resource,
        trial.status.value,
        cause,
        {resource: key(metric) for resource, metric in trial.metrics.items()},
        final,
        trial.seconds,
    )


def _is_clusters_fault(cause: str | None) -> bool:
    """Whether a failure says nothing of the configuration."""
    return cause == LOST_TOO_OFTEN or cause in INFRASTRUCTURE
