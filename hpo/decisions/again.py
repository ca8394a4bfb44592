"""Whether and when a lost leg comes again: its rest, and what is said where it cannot.

Whether a trial is given up is the scheduler's to decide.
"""

from __future__ import annotations

from hpo.decisions.limits import Limits
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.state import TrialState
from hpo.units.backoff import Backoff

STORAGE_REST = Backoff(15.0, 600.0)  # doubled with each loss


def must_rest(trial: TrialState, now: float) -> bool:
    """Whether to wait before the leg is offered again, longer after each loss.

    The disk is full for other jobs as well: a leg that came back at once would use up its losses.
    """
    lost = trial.ended_leg
    if not isinstance(lost, ev.LegLost) or lost.cause != Cause.STORAGE:
        return False
    return now < lost.time + STORAGE_REST.doubled(trial.losses)


def out_of_memory(had_mb: int, why: str, limits: Limits) -> str:
    """A trial ran out of `had_mb`, and may have no more."""
    if limits.learn_mem:
        asked = f"{had_mb}M of `mem: auto`"
        raising = f"Raise `max_mem` in get_slurm_config() (now {limits.max_mem_mb}M)"
    elif limits.mem_mb == 0:
        asked, raising = "what its job was given", "Ask for more"
    else:
        asked = f"mem={limits.mem_mb}M"
        asked += f", then raised to {had_mb}M" if had_mb > limits.mem_mb else ""
        raising = "Raise `mem` in get_slurm_config(), or `max_mem`"
        raising += f" (now {limits.max_mem_mb}M)"
    return (
        f"out of memory, with {asked}: {why}. {raising}, or leave such configurations out of the "
        "space"
    )


def out_of_time(limits: Limits) -> str:
    """A leg reached the longest time limit that it may have, and had saved nothing."""
    setting = "`max_time`" if limits.learn_time else "`time`"
    return (
        f"one checkpoint interval does not fit in {setting}: the job reached its time limit and no "
        f"newer checkpoint was there; raise {setting} or lower checkpoint_interval"
    )
