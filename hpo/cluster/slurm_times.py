"""How long new jobs may ask for, read from the cluster now and then, and said when it changes.

Owns the two calls (partitions, reservations), at most one pair in REREAD_S. What follows from them
is decided in `slurm_time_limit`. If they fail, nothing changes: jobs ask for what the settings say.
"""

from __future__ import annotations

import logging
import time

from hpo.cluster.slurm_commands import ask
from hpo.cluster.slurm_time_limit import LEAST_MIN, TimeLimit, fit_time, in_words
from hpo.cluster.slurm_windows import Maintenance, Partition, read_maintenance, read_partitions
from hpo.errors import PollError
from hpo.settings import SlurmSettings

log = logging.getLogger(__name__)

REREAD_S = 600.0


class JobTimes:
    """The time limits of one campaign's jobs."""

    least_min = LEAST_MIN

    def __init__(self, settings: SlurmSettings) -> None:
        self._settings = settings
        self._partitions: list[Partition] = []
        self._maintenance: list[Maintenance] = []
        self._reread_at = float("-inf")
        self._said = ""

    def of_new_jobs(self) -> int:
        """Minutes to ask for; says in the log when something new stands in the way."""
        limit = self._limit()
        asked = in_words(self._settings.time_min)
        if limit.why != self._said and limit.why:
            log.warning(
                "new jobs ask for %s (time: %s): %s", in_words(limit.minutes), asked, limit.why
            )
        elif limit.why != self._said:
            log.info("new jobs ask for their full time again, %s", asked)
        self._said = limit.why
        return limit.minutes

    def usual(self) -> int:
        """Minutes that a job has which no maintenance cuts short."""
        return self._limit().usual

    def _limit(self) -> TimeLimit:
        self._reread_if_due()
        return fit_time(
            self._settings.time_min,
            self._partitions,
            self._maintenance,
            time.time(),
            least_min=self.least_min,
        )

    def _reread_if_due(self) -> None:
        if time.monotonic() < self._reread_at:
            return
        self._reread_at = time.monotonic() + REREAD_S
        try:
            partitions = read_partitions(ask(["scontrol", "show", "partition", "-o"]))
            self._maintenance = read_maintenance(ask(["scontrol", "show", "reservation", "-o"]))
        except PollError as err:
            log.info("partitions and maintenance could not be read: %s", err)
            return
        wanted = self._settings.partition
        names = None if wanted is None else set(wanted.split(","))
        self._partitions = [
            p for p in partitions if (p.is_default if names is None else p.name in names)
        ]
