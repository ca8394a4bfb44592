"""Virtual time: the clock of a simulated cluster, and the time that a leg sees pass.

Owns what happens when; knows nothing of jobs.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable


class SimulatedClock:
    """Virtual time; sleeping lets the simulated cluster do what happens meanwhile.

    A sleep is extended to the next event, but to no more than `most_s`.
    """

    def __init__(self, start: float = 0.0, most_s: float = 60.0) -> None:
        self._now = start
        self._most_s = most_s
        self._counter = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def now(self) -> float:
        """Virtual seconds."""
        return self._now

    def at(self, time: float, action: Callable[[], None]) -> None:
        """Do `action` at `time`; equal times keep their order."""
        heapq.heappush(self._events, (time, next(self._counter), action))

    def sleep(self, seconds: float) -> None:
        """Advance by `seconds`, or on to the next event."""
        until = self._now + seconds
        if self._events:
            until = max(until, min(self._events[0][0], self._now + self._most_s))
        while self._events and self._events[0][0] <= until:
            time, _, action = heapq.heappop(self._events)
            self._now = max(self._now, time)
            action()
        self._now = until


class LegTime:
    """The clock of one leg: every report comes an epoch after the one before.

    The first comes after `load_s` besides.
    """

    def __init__(self, start: float, end: float, epoch_s: float, load_s: float = 0.0) -> None:
        self._start, self._end, self._epoch_s, self._load_s = start, end, epoch_s, load_s
        self._looks = -2  # the leg and the trial look at it once before the first report

    def __call__(self) -> float:
        """The time of this look."""
        epochs = max(0, self._looks + 1)
        self._looks += 1
        begun = self._start + (self._load_s if epochs else 0.0)
        return min(self._end, begun + epochs * self._epoch_s)
