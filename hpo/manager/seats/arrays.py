"""Keeps the arrays of seats to the user's limit on running jobs while one follows the other.

Acts on the cluster, one call an array and change; how the limit is shared is `array_limits`.
Remembers what it set; a new manager knows nothing and sets it again.
"""

from __future__ import annotations

import logging

from hpo.cluster.protocol import Cluster
from hpo.seats.arrays import array_of, living_arrays, share_limit, waiting_arrays
from hpo.seats.book import SeatBook

log = logging.getLogger(__name__)


class ArrayKeeper:
    """The limits of the arrays that still wait."""

    def __init__(self, cluster: Cluster, book: SeatBook) -> None:
        self._cluster = cluster
        self._book = book
        self._limits: dict[str, int] = {}  # as the cluster took them; by array

    def submitted(self, job_ids: list[str], at_once: int) -> None:
        """A new array was submitted with this limit."""
        if len(job_ids) > 1:
            self._limits[array_of(job_ids[0])] = at_once

    def lower(self, at_once: int, new: int = 0) -> bool:
        """Make room for `new` seats behind the arrays that wait; whether any limit was lowered.

        What runs already goes on, so the cluster has to be asked again what that is.

        Raises:
            PollError: not all limits could be lowered.
        """
        shares, _ = share_limit(at_once, living_arrays(self._book), new)
        known = self._forget_ended(shares)
        due = {a: n for a, n in shares.items() if a in known and n < (known[a] or at_once + 1)}
        for array, limit in due.items():
            self._set(array, limit)
        return bool(due)

    def room(self, at_once: int, new: int) -> int:
        """How many of `new` seats may run if they are submitted now; 0: none may be submitted."""
        living = living_arrays(self._book)
        running: dict[str, int] = dict.fromkeys(living, 0)
        for seat in self._book.running():
            running[array_of(seat.job_id)] += 1
        waiting = waiting_arrays(self._book)
        may_run = 0
        for array, seats in living.items():
            limit = self._limits.get(array, seats) if array in waiting else seats
            may_run += min(seats, max(limit, running[array]))
        return max(0, min(new, at_once - may_run))

    def raise_to(self, at_once: int) -> None:
        """Give what an older array no longer uses to a younger one.

        Raises:
            PollError: not all limits could be raised.
        """
        shares, _ = share_limit(at_once, living_arrays(self._book))
        for array, known in self._forget_ended(shares).items():
            if known is not None and shares[array] > known:
                spare = self.room(at_once, at_once)
                if spare:
                    self._set(array, min(shares[array], known + spare))

    def _forget_ended(self, shares: dict[str, int]) -> dict[str, int | None]:
        """The limits that mean something, as far as they are known."""
        self._limits = {array: n for array, n in self._limits.items() if array in shares}
        waiting, living = waiting_arrays(self._book), living_arrays(self._book)
        # Of a single seat nothing has to be said.
        return {a: self._limits.get(a) for a in shares if a in waiting and living[a] > 1}

    def _set(self, array: str, limit: int) -> None:
        # Of a call that fails nobody can tell whether it was carried out: then none is known.
        self._limits.pop(array, None)
        self._cluster.limit_array(array, limit)
        self._limits[array] = limit
        log.info("of the waiting jobs of %s, %d may run at once", array, limit)
