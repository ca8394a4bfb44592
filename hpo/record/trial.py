"""What is kept of one trial; changed by `hpo.record.state.apply` alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
_S = TrialStatus
_REOFFERABLE = frozenset({_S.WAITING, _S.PAUSED, _S.STOPPED, _S.FAILED})
# The life cycle: where a trial may stand for an event to follow, and where it stands after it.
LIFE_CYCLE: Mapping[type[ev.TrialEvent], tuple[frozenset[TrialStatus], TrialStatus]] = {
    ev.TrialRedrawn: (frozenset({_S.WAITING}), _S.WAITING),
    ev.LegOffered: (_REOFFERABLE, _S.OFFERED),
    ev.LegClaimed: (frozenset({_S.OFFERED}), _S.CLAIMED),
    ev.LegReturned: (frozenset({_S.OFFERED, _S.CLAIMED}), _S.OFFERED),
    ev.LegFinished: (frozenset({_S.CLAIMED}), _S.WAITING),
    ev.LegLost: (frozenset({_S.CLAIMED}), _S.WAITING),
    ev.OfferRevoked: (frozenset({_S.OFFERED}), _S.WAITING),
    ev.TrialCompleted: (frozenset({_S.WAITING}), _S.COMPLETED),
    ev.TrialPaused: (frozenset({_S.WAITING}), _S.PAUSED),
    ev.TrialFailed: (frozenset({_S.WAITING}), _S.FAILED),
    ev.TrialStopped: (frozenset({_S.WAITING, _S.PAUSED}), _S.STOPPED),
}
# What people may ask for: of a trial that stands so, and of one that is to run from the start.
STOPPABLE = OPEN | {_S.PAUSED, _S.STOPPED}
RETRIABLE = frozenset({_S.FAILED, _S.STOPPED})
RESTARTABLE = RETRIABLE | {_S.COMPLETED, _S.PAUSED}


@dataclass(slots=True)
class TrialState:
    """One trial: its configuration and the leg it stands at."""

    trial_id: int
    config: Mapping[str, Any]
    bracket: int = 0
    draw: int | None = None  # its number for the searcher; None: somebody enqueued it
    results_known: int = 0  # of the campaign, when it was last offered
    first_attempt: int | None = None  # that a job took; None: none ever did
    status: TrialStatus = TrialStatus.WAITING
    rung: int = 0
    offers_of_rung: int = 0  # more than one: legs to it were lost
    attempt: int = -1  # of the leg last offered; -1: never offered
    target: int | None = None
    final: bool = True
    mem_mb: int = 0  # that its legs were raised to; 0: what every seat has
    time_s: int = 0  # that the leg last offered may take; 0: nobody asked
    off: str = ""  # the node that it is kept off
    offered_at: float = 0.0
    job_id: str | None = None  # of the last claim; None: no job ever took a leg of it
    claimed_at: float = 0.0
    ended_leg: ev.LegFinished | ev.LegLost | None = None  # what a decision is due about
    losses: int = 0  # legs lost to the infrastructure that got no further than those before
    reached: int = 0  # the furthest that a leg got, saved or not
    metric: float | None = None
    resource: int = 0
    metrics: dict[int, float | None] = field(default_factory=dict)  # by resource, of legs completed
    seconds: float = 0.0  # of seats, that its legs took
    progressed: bool = False  # whether the lost leg saved more than was saved before it
    trained: int = 0  # resource by which its last leg that got further did so; 0: none did
    trained_s: float = 0.0  # and how long that took
    outlasted_s: int = 0  # the longest time in which a leg of it saved nothing
    used_mb: int = 0  # the most memory that a leg of it was seen to use
    gained: bool = False  # whether the lost leg got further than all before it, saved or not
    hangs: int = 0  # times that it hung since it last did
    cause: str | None = None
    message: str | None = None  # of a failed trial: what to tell a person
    stop_asked: str = ""  # who asked that it stops, and stays stopped; empty: nobody
    retry_asked: str = ""  # who asked for it since it was offered last; empty: nobody
    fresh_from: int | None = None  # the first attempt since it was to run again from the start
