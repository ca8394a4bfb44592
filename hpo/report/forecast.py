"""When a campaign will end and what it will have used, by what legs took lately.

The queue may make it longer, and limits shorter; nobody knows of either.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.decisions.needs import ComingLeg
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
    usual = _Usual.of(state)
    offered = [state.trials[trial_id] for trial_id in state.of(TrialStatus.OFFERED)]
    left = [max(0.0, usual.seconds_of(trial) - (now - trial.claimed_at)) for trial in running]
    later = sum(usual.seconds_of(trial) for trial in offered)
    later += sum(n * usual.seconds(leg.rung, leg.length) for leg, n in to_come.items())
    longest = max((usual.seconds(leg.rung, leg.length) for leg in to_come), default=0.0)
    longest = max(longest, *left)
    work = sum(left) + later
    off = usual.error_of(len(running) + len(offered) + sum(to_come.values()))
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


@dataclass(frozen=True, slots=True)
class _Usual:
    """What legs took on average (s): by rung, for a unit of the resource, and at all.

    `spread` is how far single legs are off that, as a share of it (one standard deviation), over
    `count` legs.
    """

    by_rung: Mapping[int, float]
    per_unit: float
    of_all: float
    spread: float
    count: int

    @classmethod
    def of(cls, state: CampaignState) -> _Usual:
        legs = state.pace.legs
        seconds = units = 0.0
        sums: dict[int, tuple[float, int]] = {}
        for leg in legs:
            seconds, units = seconds + leg.seconds, units + leg.units
            took, count = sums.get(leg.rung, (0.0, 0))
            sums[leg.rung] = took + leg.seconds, count + 1
        means = {rung: took / count for rung, (took, count) in sums.items()}
        off = 0.0
        for leg in legs:
            if mean := means[leg.rung]:
                off += (leg.seconds / mean - 1) ** 2
        return cls(
            means, seconds / units, seconds / len(legs), math.sqrt(off / len(legs)), len(legs)
        )

    def error_of(self, legs: int) -> float:
        """How far the sum over so many legs may be off, as a share of it."""
        return WIDE * self.spread * math.sqrt(1 / self.count + 1 / max(1, legs))

    def seconds(self, rung: int, units: int | None) -> float:
        known = self.by_rung.get(rung)
        if known is not None:
            return known
        return self.of_all if units is None else self.per_unit * units

    def seconds_of(self, trial: TrialState) -> float:
        units = None if trial.target is None else max(1, trial.target - trial.resource)
        return self.seconds(trial.rung, units)
