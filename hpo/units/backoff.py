"""Pauses that double: how long to wait after something has failed again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Backoff(NamedTuple):
    """From `first_s`, doubled each time, up to `longest_s`."""

    first_s: float
    longest_s: float

    def after(self, pause_s: float) -> float:
        """The pause that follows one of `pause_s`; 0: there was none yet."""
        return min(max(2 * pause_s, self.first_s), self.longest_s)

    def pauses(self) -> Iterator[float]:
        """All of them, without end."""
        pause_s = 0.0
        while True:
            pause_s = self.after(pause_s)
            yield pause_s

    def doubled(self, times: int) -> float:
        """The pause that was doubled so many times."""
        return min(self.first_s * 2.0 ** min(times, 64), self.longest_s)
