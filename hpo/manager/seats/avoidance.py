"""Keeps seats that wait off the nodes that are in quarantine, and says when one is used again.

Acts only: which nodes those are is decided elsewhere. Costs one call an array and change, however
many seats wait.
"""

from __future__ import annotations

import logging
from collections.abc import Collection

from hpo.cluster.protocol import Cluster
from hpo.errors import PollError
from hpo.seats.book import SeatBook

log = logging.getLogger(__name__)

RETRY_S = 60.0  # after a call that failed


class Avoidance:
    """What the waiting seats of one manager have been told."""

    def __init__(self, cluster: Cluster, book: SeatBook) -> None:
        self._cluster = cluster
        self._book = book
        self._out: frozenset[str] = frozenset()
        self._told: dict[str, frozenset[str]] = {}  # by job id
        self._not_before = float("-inf")

    def submitted(self, job_ids: Collection[str]) -> None:
        """New seats were asked for, on none of the nodes that are out."""
        self._told |= dict.fromkeys(job_ids, self._out)

    def follow(self, out: Collection[str], now: float, *, ever: bool) -> None:
        """Tell the seats that wait which nodes are out now, where they do not know yet.

        `ever`: this campaign has had a quarantine; otherwise there is nothing to tell.
        """
        for node in sorted(self._out - set(out)):
            log.info("node %s is used again", node)
        self._out = frozenset(out)
        if not ever or now < self._not_before:
            return
        waiting = {seat.job_id for seat in self._book.queued()}
        # A seat that ran and waits again may have started before it could be told.
        self._told = {i: told for i, told in self._told.items() if i in waiting}
        unaware = sorted(i for i in waiting if self._told.get(i) != self._out)
        if not unaware:
            return
        try:
            self._cluster.avoid_nodes(unaware, self._out)
        except PollError as err:
            self._not_before = now + RETRY_S
            log.warning("waiting jobs could not be kept off %s: %s", ", ".join(self._out), err)
            return
        self._told |= dict.fromkeys(unaware, self._out)
