"""How long a leg rests after it was lost to the storage. Pure."""

from __future__ import annotations

from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.state import TrialState

STORAGE_REST_S, LONGEST_REST_S = 15.0, 600.0  # doubled with each loss


def must_rest(trial: TrialState, now: float) -> bool:
    """Whether to wait before the leg is offered again, longer after each loss.

    The disk is full for other jobs as well: a leg that came back at once would use up its losses.
    """
    lost = trial.ended_leg
    if not isinstance(lost, ev.LegLost) or lost.cause != Cause.STORAGE:
        return False
    rest_s = min(STORAGE_REST_S * 2.0 ** min(trial.losses, 10), LONGEST_REST_S)
    return now < lost.time + rest_s
