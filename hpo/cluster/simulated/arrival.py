"""How long simulated jobs wait in the queue.

Owns the distributions and the one rule of backfill: a job that asks for less time waits less. Every
distribution is a quantile function of a share that the caller draws. Pure: no clock, no randomness
of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Protocol

import numpy as np

_NORMAL = NormalDist()
LEAST_SHARE = 1e-9  # quantile functions are called strictly inside (0, 1)


class Arrival(Protocol):
    """From a share in (0, 1) and the time limit (min; None: there is none) to a wait in s."""

    def wait_s(self, share: float, limit_min: int | None) -> float:
        """The wait that this share of all jobs with such a limit does not exceed."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """Every job waits equally long."""

    seconds: float

    def wait_s(self, share: float, limit_min: int | None) -> float:
        """See `Arrival`."""
        del share, limit_min
        return self.seconds


@dataclass(frozen=True, slots=True)
class Exponential:
    """The start of a job is as likely in each moment."""

    mean_s: float

    def wait_s(self, share: float, limit_min: int | None) -> float:
        """See `Arrival`."""
        del limit_min
        return -self.mean_s * math.log1p(-share)


@dataclass(frozen=True, slots=True)
class LogNormal:
    """Many jobs start soon and a few wait for very long; with sigma 1.5 a tenth waits 2.2 means."""

    mean_s: float
    sigma: float = 1.5

    def wait_s(self, share: float, limit_min: int | None) -> float:
        """See `Arrival`."""
        del limit_min
        if self.mean_s <= 0.0:
            return 0.0
        middle = math.log(self.mean_s) - self.sigma**2 / 2.0
        return math.exp(middle + self.sigma * _NORMAL.inv_cdf(share))


@dataclass(frozen=True, slots=True)
class Backfill:
    """Shorter jobs wait less: the wait of `arrival` x (limit / longest) ** power.

    An assumption, not a law: with power 0.5 a job that asks for a quarter of the time waits half as
    long. It never falls below `floor` of the wait, because a hole must be found first, and a job
    without a limit, or a longer one than `longest_min`, waits as long as the longest.
    """

    arrival: Arrival
    longest_min: int
    power: float = 0.5
    floor: float = 0.05

    def wait_s(self, share: float, limit_min: int | None) -> float:
        """See `Arrival`."""
        asked = self.longest_min if limit_min is None else min(limit_min, self.longest_min)
        shorter = math.pow(asked / self.longest_min, self.power)
        return self.arrival.wait_s(share, limit_min) * max(self.floor, shorter)


@dataclass(frozen=True, slots=True)
class History:
    """Waits as they were: of earlier jobs that asked for about as much time.

    `waits` holds (limit in min, None for none; wait in s) of each job. What counts as about as much
    is a class of `CLASSES_MIN`; one with fewer than `ENOUGH` jobs borrows from its neighbours.
    """

    waits: tuple[tuple[int | None, float], ...]
    # Kept, because a history may have a hundred thousand jobs, and each simulated one asks.
    _by_class: dict[int, Sequence[float]] = field(default_factory=dict, compare=False, repr=False)

    def wait_s(self, share: float, limit_min: int | None) -> float:
        """See `Arrival`."""
        return float(np.quantile(self.of_class(limit_min), share))

    def of_class(self, limit_min: int | None) -> Sequence[float]:
        """The waits that a job with this limit is compared with, in s."""
        wanted = _class_of(limit_min)
        if wanted not in self._by_class:
            self._by_class[wanted] = self._found(wanted)
        return self._by_class[wanted]

    def _found(self, wanted: int) -> Sequence[float]:
        for reach in range(len(CLASSES_MIN) + 1):
            found = [s for limit, s in self.waits if abs(_class_of(limit) - wanted) <= reach]
            if len(found) >= ENOUGH:
                return found
        return [s for _, s in self.waits]


CLASSES_MIN = (30, 120, 480, 1440, 4320)  # upper ends; jobs beyond are a class of their own
ENOUGH = 20


def _class_of(limit_min: int | None) -> int:
    if limit_min is None:
        return len(CLASSES_MIN)
    return sum(limit_min > end for end in CLASSES_MIN)


def one_share(random: np.random.Generator) -> float:
    """A share strictly inside (0, 1)."""
    return min(max(float(random.random()), LEAST_SHARE), 1.0 - LEAST_SHARE)
