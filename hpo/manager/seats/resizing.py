"""Changes what waiting seats ask for, in their place in the queue: more memory, or less of all.

Acts on the cluster and tells the book. Which seats and how much is decided in `seat_plan` and
`seat_fit`.
"""

from __future__ import annotations

import logging

from hpo.cluster.protocol import Cluster
from hpo.decisions.needs import WantedSeats
from hpo.errors import PollError
from hpo.seats.book import SeatBook
from hpo.seats.fit import oversized
from hpo.seats.plan import SeatPlan
from hpo.units.sizes import SeatKind

log = logging.getLogger(__name__)


class SeatResizing:
    """The sizes of the seats that wait."""

    def __init__(self, cluster: Cluster, book: SeatBook) -> None:
        self._cluster = cluster
        self._book = book
        self._kept: set[str] = set()  # jobs that are to be left as they are

    def grow(self, plan: SeatPlan) -> bool:
        """Give waiting seats more memory; False: the cluster did not take all that was asked."""
        if not plan.raised:
            return True
        try:
            self._cluster.raise_memory(plan.raised, plan.mem_mb)
        except PollError as err:
            log.warning("waiting jobs could not be given %d MB: %s", plan.mem_mb, err)
            return False
        self._book.raised(plan.raised, plan.mem_mb)
        log.info("gave %d MB to waiting jobs: %s", plan.mem_mb, ", ".join(plan.raised))
        return True

    def shrink(self, wanted: WantedSeats) -> None:
        """Let waiting seats ask for no more than most legs need, once that is known."""
        if not wanted.is_known:
            return
        kind, job_ids = oversized(self._book, wanted.needs, wanted.coming, self._kept)
        if not job_ids:
            return
        try:
            self._cluster.shrink(job_ids, mem_mb=kind.mem_mb, time_min=kind.time_min)
        except PollError as err:
            # They may have less than that already: they are left alone from here on.
            self._kept.update(job_ids)
            log.warning("waiting jobs could not be made to ask for %s: %s", in_words(kind), err)
            return
        self._book.shrunk(job_ids, kind.mem_mb, kind.time_min)
        log.info("%d jobs that wait ask for %s each from now on", len(job_ids), in_words(kind))


def in_words(kind: SeatKind) -> str:
    """A size for people; empty where the settings say it."""
    sizes = [f"{kind.time_min} min"] if kind.time_min else []
    return " and ".join([*sizes, f"{kind.mem_mb} MB"] if kind.mem_mb else sizes)
