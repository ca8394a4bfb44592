"""A scheduler over a short history, and all that it decides about it."""

from __future__ import annotations

from typing import Any

from histories import NOW, ListedSearch, state_after

from hpo.decisions.scheduler import Limits, Scheduler
from hpo.record import events as ev
from hpo.record.state import CampaignState, apply


def scheduler(size: int = 10**6, **limits: Any) -> Scheduler:
    return Scheduler(ListedSearch(size), Limits(**{"n_trials": 1} | limits))


def after(events: list[ev.Event], now: float = NOW, **limits: Any) -> list[ev.Event]:
    return scheduler(**limits).decide(state_after(events), now)


def settle(state: CampaignState, deciding: Scheduler, now: float = NOW) -> list[ev.Event]:
    """Decide until nothing is left to decide; what was decided."""
    made: list[ev.Event] = []
    while decisions := deciding.decide(state, now):
        for event in decisions:
            apply(state, event)
        made += decisions
        assert len(made) < 1000
    return made
