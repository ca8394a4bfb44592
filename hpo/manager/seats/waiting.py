"""Says why jobs wait, where somebody has to know it; each reason once.

Owns what has been said. What a reason means comes with the job's status, from its cluster.
"""

from __future__ import annotations

import logging
from collections import Counter

from hpo.seats.book import SeatBook

log = logging.getLogger(__name__)

SAY_AGAIN_S = (
    3600.0  # for a reason that was away so long; schedulers change their words all the time
)


class WaitingNews:
    """What one manager has said of the jobs that wait."""

    def __init__(self) -> None:
        self._last_seen: dict[str, float] = {}

    def tell(self, book: SeatBook, now: float) -> None:
        """Log the reasons that need a person and were not there lately."""
        waiting = [seat.status for seat in book.queued()]
        advice = {status.reason: status.advice for status in waiting if status.advice}
        counts = Counter(status.reason for status in waiting)
        for reason, meaning in advice.items():
            if now >= self._last_seen.get(reason, float("-inf")) + SAY_AGAIN_S:
                count = counts[reason]
                who = "1 job waits" if count == 1 else f"{count} jobs wait"
                log.warning("%s, %s: %s", who, reason, meaning)
            self._last_seen[reason] = now
