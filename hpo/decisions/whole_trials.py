"""Legs of random search, one for a whole trial; the seam for other ways to cut trials."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hpo.record import events as ev
from hpo.record.state import CampaignState, TrialState


class LegPolicy(Protocol):
    """How trials are cut into legs, and what follows a leg that reached its end."""

    def at(self, state: CampaignState) -> LegPolicy:
        """The policy as the campaign has it by now: rungs may have been added."""
        ...

    def bracket(self, trial_id: int) -> int:
        """The bracket that a new trial runs in; it starts at the rung of that number."""
        ...

    def target(self, config: Mapping[str, Any], rung: int) -> int | None:
        """The resource at which a leg to `rung` ends; None: when the objective returns."""
        ...

    def is_final(self, rung: int) -> bool:
        """Whether nothing can follow a leg to `rung`."""
        ...

    def after_rung(self, state: CampaignState, trial: TrialState, now: float) -> ev.Event:
        """The decision on a trial whose leg was completed."""
        ...

    def promotions(self, state: CampaignState) -> Iterable[int]:
        """Paused trials that are to go on to their next rung, best offer first."""
        ...

    def hopeless(self, state: CampaignState, n_trials: int) -> Collection[int]:
        """Paused trials that no result of the `n_trials` trials can bring to promotion any more."""
        ...

    def promotions_to_come(self, state: CampaignState, undrawn: int) -> Mapping[int, int]:
        """How many promotions to expect yet to each rung, with `undrawn` more trials: a guess."""
        ...

    def length(self, rung: int) -> int | None:
        """The resource that a trial is trained by to get to `rung`; None: each has its own."""
        ...


@dataclass(frozen=True, slots=True)
class WholeTrials:
    """Every trial runs to its own `max_epochs` in one leg."""

    max_resource_attr: str = "max_epochs"

    def at(self, state: CampaignState) -> WholeTrials:
        """There are no rungs."""
        del state
        return self

    def bracket(self, trial_id: int) -> int:
        """There is one."""
        del trial_id
        return 0

    def target(self, config: Mapping[str, Any], rung: int) -> int | None:
        """What the configuration says."""
        del rung
        found = config.get(self.max_resource_attr)
        return found if isinstance(found, int) and not isinstance(found, bool) else None

    def is_final(self, rung: int) -> bool:
        """There is nothing after the whole trial."""
        del rung
        return True

    def after_rung(self, state: CampaignState, trial: TrialState, now: float) -> ev.Event:
        """The trial is complete."""
        del state
        return ev.TrialCompleted(now, trial.trial_id)

    def promotions(self, state: CampaignState) -> Iterable[int]:
        """Nothing is ever paused."""
        del state
        return ()

    def hopeless(self, state: CampaignState, n_trials: int) -> Collection[int]:
        """Nothing is ever paused."""
        del state, n_trials
        return ()

    def promotions_to_come(self, state: CampaignState, undrawn: int) -> Mapping[int, int]:
        """There are none."""
        del state, undrawn
        return {}

    def length(self, rung: int) -> int | None:
        """Each trial has its own."""
        del rung
        return None
