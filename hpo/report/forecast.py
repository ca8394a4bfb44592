"""When a campaign will end and what it will have used, by what legs took lately.

The queue may make it longer, and limits shorter; nobody knows of either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.decisions.needs import ComingLeg
from hpo.record.pace import Usual
from hpo.record.state import CampaignState, TrialState, TrialStatus

ENOUGH = 3  # legs that have ended, before the end is foretold
WIDE = 2.0  # standard deviations of the band to either side
MOST_OFF = 0.9  # by which less work may be left than is foretold
TAIL = 0.1  # of what was seen of the number of seats, to either side


@dataclass(frozen=True, slots=True)
class Band:
    """A value, and within which bounds it will most probably be."""

    low: float
    usual: float
    high: float


@dataclass(frozen=True, slots=True)
class Forecast:
    """From now on: until the end (s), and what seats will spend on legs until then (s)."""

    end_s: Band
    seat_s: Band


def forecast(
    state: CampaignState,
    to_come: Mapping[ComingLeg, int],
    now: float,
    seen_running: Sequence[int] = (),
) -> Forecast | None:
    """What is left of a campaign; None where nothing runs, or too little is known.

    Args:
        state: the campaign.
        to_come: legs that are expected beyond those that are offered.
        now: the time (s, Unix).
        seen_running: how many legs ran lately; the band of the end is as wide as they vary.
    """
    running = [state.trials[trial_id] for trial_id in state.of(TrialStatus.CLAIMED)]
    if not running or len(state.pace.legs) < ENOUGH:
        return None
    usual = state.pace.usual()
    offered = [state.trials[trial_id] for trial_id in state.of(TrialStatus.OFFERED)]
    known = usual.by_rung  # of most trials, and it is asked for each
    left = [
        max(0.0, (known.get(trial.rung) or _seconds_of(trial, usual)) - now + trial.claimed_at)
        for trial in running
    ]
    later = sum(_seconds_of(trial, usual) for trial in offered)
    later += sum(n * usual.seconds(leg.rung, leg.length) for leg, n in to_come.items())
    longest = max((usual.seconds(leg.rung, leg.length) for leg in to_come), default=0.0)
    longest = max(longest, *left)
    work = sum(left) + later
    legs = len(running) + len(offered) + sum(to_come.values())
    off = WIDE * usual.spread * math.sqrt(1 / usual.count + 1 / max(1, legs))
    seat_s = Band(work * (1 - min(off, MOST_OFF)), work, work * (1 + off) * _again(state))
    end = max(work / len(running), longest)
    few, many = _usual_seats(len(running), seen_running)
    alone = min(MOST_OFF, WIDE * usual.spread)  # of the one leg that is waited for at last
    low = max(seat_s.low / many, longest * (1 - alone))
    high = max(seat_s.high / few, longest * (1 + WIDE * usual.spread))
    return Forecast(Band(min(low, end), end, max(high, end)), seat_s)


def _again(state: CampaignState) -> float:
    """By which factor lost work made the campaign longer so far."""
    kept = state.seat_seconds - state.lost.seconds
    return state.seat_seconds / kept if 0 < kept < state.seat_seconds else 1.0


def _usual_seats(now: int, seen: Sequence[int]) -> tuple[int, int]:
    ordered = sorted([*seen, now])
    place = math.floor(TAIL * (len(ordered) - 1))
    return max(1, min(ordered[place], now)), max(ordered[-1 - place], now)


def _seconds_of(trial: TrialState, usual: Usual) -> float:
    units = None if trial.target is None else max(1, trial.target - trial.resource)
    return usual.seconds(trial.rung, units)
