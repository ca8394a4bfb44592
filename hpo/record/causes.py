"""Why a leg was lost, and what each cause means for its trial."""

from __future__ import annotations

from enum import Enum


class Cause(str, Enum):
    """What took a job from its leg, as far as the cluster could tell."""

    PREEMPTED = "preempted"
    NODE_FAILED = "node_failed"
    VANISHED = "vanished"
    REQUEUED = "requeued"
    TIME_LIMIT = "time_limit"
    OUT_OF_MEMORY = "out_of_memory"
    KILLED = "killed"
    CANCELLED = "cancelled"  # by the user, who meant this trial
    STOPPED = "stopped"  # with the whole campaign
    CUT_SHORT = "cut_short"  # its time had been cut, to end before a maintenance
    STORAGE = "storage"  # the shared files were away, or full
    HUNG = "hung"  # it reported nothing for too long

    def __str__(self) -> str:
        """The word itself, as in the journal."""
        return self.value


# Not the trial's fault: the leg is offered again, up to a large budget.
INFRASTRUCTURE = frozenset(
    {
        Cause.PREEMPTED,
        Cause.NODE_FAILED,
        Cause.VANISHED,
        Cause.REQUEUED,
        Cause.STOPPED,
        Cause.CUT_SHORT,
        Cause.STORAGE,
    }
)
# Of a trial that was lost to the infrastructure beyond that budget.
LOST_TOO_OFTEN = "lost_too_often"
# OUT_OF_MEMORY: the leg is offered again with so many times the memory that it had, up to a limit.
MORE_MEMORY = 1.5
