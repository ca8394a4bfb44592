"""What is kept of one trial.

Pure data, changed by `hpo.record.state.apply` alone: no I/O, no clock, no policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hpo.record import events as ev


class TrialStatus(Enum):
    """Where a trial stands."""

    WAITING = "waiting"  # drawn, or its leg ended: a decision is due
    OFFERED = "offered"
    CLAIMED = "running"
    PAUSED = "paused"  # at a rung; may be promoted
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"


OPEN = frozenset({TrialStatus.WAITING, TrialStatus.OFFERED, TrialStatus.CLAIMED})
REOFFERABLE = frozenset(
    {TrialStatus.WAITING, TrialStatus.PAUSED, TrialStatus.STOPPED, TrialStatus.FAILED}
)


@dataclass(slots=True)
class TrialState:
    """One trial: its configuration and the leg it stands at."""

    trial_id: int
    config: Mapping[str, Any]
    bracket: int = 0
    status: TrialStatus = TrialStatus.WAITING
    rung: int = 0
    offers_of_rung: int = 0  # more than one: legs to it were lost
    attempt: int = -1  # of the leg last offered; -1: never offered
    target: int | None = None
    final: bool = True
    mem_mb: int = 0  # that its legs were raised to; 0: what every seat has
    time_s: int = 0  # that the leg last offered may take; 0: nobody asked
    job_id: str | None = None  # of the last claim; None: no job ever took a leg of it
    claimed_at: float = 0.0
    ended_leg: ev.LegFinished | ev.LegLost | None = None  # what a decision is due about
    losses: int = 0  # legs lost to the infrastructure that got no further than those before
    reached: int = 0  # the furthest that a leg got, saved or not
    metric: float | None = None
    resource: int = 0
    progressed: bool = False  # whether the lost leg saved more than was saved before it
    trained: int = 0  # resource by which its last leg that got further did so; 0: none did
    trained_s: float = 0.0  # and how long that took
    outlasted_s: int = 0  # the longest time in which a leg of it saved nothing
    used_mb: int = 0  # the most memory that a leg of it was seen to use
    cause: str | None = None
    message: str | None = None  # of a failed trial: what to tell a person
