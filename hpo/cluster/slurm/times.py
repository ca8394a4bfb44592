"""How long new jobs may ask for, read from the cluster now and then, and said when it changes.

Owns the two calls (partitions, reservations), at most one pair in REREAD_S. What follows from them
is decided in `slurm_time_limit`. If they fail, nothing changes: jobs ask for what the settings say.
"""

from __future__ import annotations

import logging
import time

from hpo.cluster.slurm.commands import ask
from hpo.cluster.slurm.time_limit import LEAST_MIN, TimeLimit, fit_time
from hpo.cluster.slurm.windows import Maintenance, Partition, read_maintenance, read_partitions
from hpo.errors import PollError
from hpo.settings.search import SlurmSettings
from hpo.units.duration import in_words
from hpo.units.sizes import time_classes

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
        self._said: dict[int, str] = {}  # by minutes asked for

    def of_new_jobs(self, asked_min: int | None = None) -> int:
        """Minutes to ask for, where `asked_min` are needed; None: what the settings say.

        Says in the log when something new stands in the way.
        """
        asked_min = self._settings.time_min if asked_min is None else asked_min
        limit = self._limit(asked_min)
        asked, said = in_words(60 * asked_min), self._said.get(asked_min, "")
        if limit.why != said and limit.why:
            log.warning(
                "new jobs ask for %s (time: %s): %s", in_words(60 * limit.minutes), asked, limit.why
            )
        elif limit.why != said:
            log.info("new jobs ask for their full time again, %s", asked)
        self._said[asked_min] = limit.why
        return limit.minutes

    def usual(self) -> frozenset[int]:
        """Minutes that a job may have which no maintenance cuts short."""
        longest = self._settings.time_min
        asked = time_classes(longest) if self._settings.learns_time else (longest,)
        return frozenset(self._limit(minutes).usual for minutes in asked)

    def _limit(self, asked_min: int) -> TimeLimit:
        self._reread_if_due()
        return fit_time(
            asked_min,
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
