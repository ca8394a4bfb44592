"""How long legs take, learned from those that got further: seconds per unit of resource, start-up.

The same legs in the same order give the same numbers, and what is kept does not grow with them.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from hpo.record.trial import TrialState

WINDOW = 256  # legs that are remembered, so that a change of nodes or of data shows in time
ENOUGH = 3  # legs without which nothing is foretold
SURE = 20  # legs from which on the quantile below is not just the slowest of them
HIGH = 0.95  # the quantile of what legs took: being a little too long costs less than too short
MARGIN = 1.25  # on top of it
# A trial's own pace is no quantile of anything, and was seen on one node only.
OWN_MARGIN = 1.5


@dataclass(frozen=True, slots=True)
class LegTime:
    """A leg of trial `trial_id` to `rung` that took `seconds` for `units` of resource.

    `silence_s` is the longest time in it without a report (s); 0: nobody said so.
    """

    trial_id: int
    rung: int
    units: int
    seconds: float
    silence_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Usual:
    """What legs took on average (s): by rung, for a unit of the resource, and at all.

    `spread` is how far single legs are off that, as a share of it (one standard deviation), over
    `count` legs.
    """

    by_rung: Mapping[int, float]
    per_unit: float
    of_all: float
    spread: float
    count: int

    def seconds(self, rung: int, units: int | None) -> float:
        """Of a leg to the rung, by so much of the resource (None: nobody knows)."""
        known = self.by_rung.get(rung)
        if known is not None:
            return known
        return self.of_all if units is None else self.per_unit * units


@dataclass(slots=True)
class Pace:
    """What legs took lately."""

    legs: deque[LegTime] = field(default_factory=lambda: deque(maxlen=WINDOW))
    _start_up_s: float | None = field(default=None, compare=False, repr=False)
    _per_unit: dict[int, float] = field(default_factory=dict, compare=False, repr=False)
    _usual: Usual | None = field(default=None, compare=False, repr=False)

    def add(self, leg: LegTime) -> None:
        """Learn from a leg that got further by at least one unit."""
        self.legs.append(leg)
        self._start_up_s = self._usual = None
        self._per_unit.clear()

    @property
    def is_known(self) -> bool:
        """Whether enough legs have ended to foretell one of a new trial."""
        return len(self.legs) >= ENOUGH

    @property
    def is_sure(self) -> bool:
        """Whether what is foretold will hardly change any more."""
        return len(self.legs) >= SURE

    def expected_s(self, trial: TrialState | None, rung: int, target: int | None) -> float | None:
        """The time (s), with a margin, in which a leg to `target` ends most probably.

        None while too little is known. `trial` None is a new one; of any other its own pace counts,
        because a large network stays slow. Without a `target` a leg is taken to be as long as
        others were.
        """
        if target is None:
            alike = self._alike(rung)
            return MARGIN * _high(leg.seconds for leg in alike) if alike else None
        units = max(1, target - (0 if trial is None else trial.resource))
        if trial is not None and trial.trained:
            own = max(0.0, trial.trained_s - self.start_up_s()) / trial.trained
            return OWN_MARGIN * (self.start_up_s() + own * units)
        per_unit = self._high_per_unit(rung)
        return None if per_unit is None else MARGIN * (self.start_up_s() + per_unit * units)

    def usual(self) -> Usual:
        """What legs took on average; there must be one."""
        if self._usual is not None:
            return self._usual
        sums: dict[int, tuple[float, int]] = {}
        for leg in self.legs:
            took, count = sums.get(leg.rung, (0.0, 0))
            sums[leg.rung] = took + leg.seconds, count + 1
        means = {rung: took / count for rung, (took, count) in sums.items()}
        off = 0.0
        for leg in self.legs:
            if mean := means[leg.rung]:
                off += (leg.seconds / mean - 1) ** 2
        count, seconds = len(self.legs), sum(took for took, _ in sums.values())
        per_unit = seconds / sum(leg.units for leg in self.legs)
        self._usual = Usual(means, per_unit, seconds / count, math.sqrt(off / count), count)
        return self._usual

    def longest_silence_s(self) -> float | None:
        """The longest time in which a leg usually reports nothing (s); None: nothing is known."""
        told = [leg.silence_s for leg in self.legs if leg.silence_s]
        return _high(told) if told else None

    def start_up_s(self) -> float:
        """What a leg takes whatever its length (s): imports, data, restoring; 0: not known.

        From trials with two legs of different length, whose own pace cancels out.
        """
        if self._start_up_s is None:
            last: dict[int, LegTime] = {}
            found = []
            for leg in self.legs:
                other = last.get(leg.trial_id)
                if other is not None and other.units != leg.units:
                    crossed = other.seconds * leg.units - leg.seconds * other.units
                    found.append(crossed / (leg.units - other.units))
                last[leg.trial_id] = leg
            enough = len(found) >= ENOUGH
            shortest = min((leg.seconds for leg in self.legs), default=0.0)
            self._start_up_s = min(max(0.0, median(found)), shortest) if enough else 0.0
        return self._start_up_s

    def _high_per_unit(self, rung: int) -> float | None:
        """Seconds for one unit, beside the start-up; None while too little is known."""
        if rung not in self._per_unit:
            alike = self._alike(rung)
            if not alike:
                return None
            start = self.start_up_s()
            self._per_unit[rung] = _high((leg.seconds - start) / leg.units for leg in alike)
        return self._per_unit[rung]

    def _alike(self, rung: int) -> list[LegTime]:
        """Legs to the same rung where there are enough, else to any; empty: too few."""
        same = [leg for leg in self.legs if leg.rung == rung]
        if len(same) >= ENOUGH:
            return same
        return list(self.legs) if self.is_known else []


def _high(values: Iterable[float]) -> float:
    ordered = sorted(values)
    return ordered[math.ceil(HIGH * len(ordered)) - 1]
