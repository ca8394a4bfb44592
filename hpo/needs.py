"""What an offer asks of the seat that takes it: time, and memory, from what is known by now.

Decides only, purely from state and limits. An offer keeps what it said when it was made: its name
is on the disk, and a seat may be taking it.
"""

from __future__ import annotations

import math
from dataclasses import replace

from hpo import events as ev
from hpo.limits import Limits
from hpo.state import CampaignState

LONGER = 2  # times the time in which a leg saved nothing


def with_needs(event: ev.Event, state: CampaignState, limits: Limits) -> ev.Event:
    """The same decision; an offer says what it needs."""
    if not isinstance(event, ev.LegOffered):
        return event
    return replace(event, time_s=_time_s(event, state, limits))


def has_longer(time_s: int, limits: Limits) -> bool:
    """Whether a leg may get more time than `time_s`, in which it saved nothing."""
    return limits.learn_time and time_s < limits.max_time_s


def _time_s(event: ev.LegOffered, state: CampaignState, limits: Limits) -> int:
    """How long the leg may take; never more than a new seat has, or nobody could take it."""
    if not limits.timed:
        return 0
    trial = state.trials.get(event.trial_id)
    expected = state.pace.expected_s(trial, event.rung, event.target)
    if expected is None:
        return limits.max_time_s
    least = 0 if trial is None else LONGER * trial.outlasted_s
    return min(max(1, math.ceil(expected), least), limits.max_time_s)
