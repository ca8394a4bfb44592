"""One rung: the trials that reached it, in their order, and which of them went on.

Which of them should go on is the promoter's to say.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass, field


@dataclass(slots=True)
class Rung:
    """The trials that reached a rung, best first, and those that were promoted from it.

    `ranked` holds (`Goal.key`, trial) of all, `waiting` of those that were not promoted, so that
    to find who is to be promoted costs nothing for the others.
    """

    ranked: list[tuple[float, int]] = field(default_factory=list)
    promoted: set[int] = field(default_factory=set)
    waiting: list[tuple[float, int]] = field(default_factory=list)

    def enter(self, key: float, trial_id: int) -> None:
        """A trial reached the rung."""
        insort(self.ranked, (key, trial_id))
        insort(self.waiting, (key, trial_id))

    def promote(self, key: float, trial_id: int) -> None:
        """It goes on to the next one."""
        self.promoted.add(trial_id)
        place = bisect_left(self.waiting, (key, trial_id))
        if self.waiting[place : place + 1] == [(key, trial_id)]:
            del self.waiting[place]

    def remove(self, trial_id: int) -> None:
        """A trial runs again from the start, as if it had never got here."""
        self.ranked = [entry for entry in self.ranked if entry[1] != trial_id]
        self.waiting = [entry for entry in self.waiting if entry[1] != trial_id]
        self.promoted.discard(trial_id)

    def best_waiting(self, count: int) -> list[int]:
        """Those among the best `count` that were not promoted, best first; none without a value."""
        if count == 0 or not self.waiting:
            return []
        last = min(self.ranked[count - 1], (math.inf, -1))
        return [trial_id for _, trial_id in self.waiting[: bisect_right(self.waiting, last)]]
