"""The manager's time: the wall clock's when it began, and from then on what has really passed.

Owns clock.json, by which a next manager in the same run of the same machine goes on with this time,
also where the wall clock was set in between. On another machine, or after a reboot, the wall clock
is asked once more. Never before the last time in the journal, so that what rests, or is left alone,
does not wait for a clock that was set back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from hpo.folder.files import Layout, publish_json, read_object
from hpo.job import process_start

log = logging.getLogger(__name__)

LARGEST_S = 1e11  # of a time since 1970 that a calendar can show
# Counts on while a laptop sleeps, as its clock does; elsewhere CLOCK_MONOTONIC does so.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def machine_s() -> float:
    """Seconds that this run of the machine has lasted; no clock that is set moves it."""
    return time.clock_gettime(_STEADY)


class CampaignClock:
    """Real time, for one manager; see `hpo.cluster.protocol.Clock`."""

    def __init__(
        self,
        layout: Layout,
        latest: float | None,
        sleep: Callable[[float], None],
        *,
        wall_s: Callable[[], float] = time.time,
        steady_s: Callable[[], float] = machine_s,
        boot: Callable[[], str | None] = process_start.boot,
    ) -> None:
        """Go on from `latest`, the last time in the journal (s, Unix); None: it is empty.

        `boot` names the run of the machine that `steady_s` counts; None: it has no name.
        """
        self.sleep = sleep
        self._steady_s = steady_s
        run, steady = boot(), steady_s()
        known = None if run is None else _known(layout, run)
        self._ahead_s = wall_s() - steady if known is None else known
        if latest is not None and self._ahead_s + steady < latest:
            self._ahead_s = latest - steady
        try:
            said = {"boot": run, "ahead_s": self._ahead_s}
            publish_json(layout.clock, said, durable=False)  # because a reboot ends what it says
        except OSError as err:
            log.info("%s cannot be written: %s", layout.clock, err)

    def now(self) -> float:
        """Seconds since 1970, as far as the wall clock was right when it was asked."""
        return self._ahead_s + self._steady_s()


def _known(layout: Layout, run: str) -> float | None:
    """By how much the manager before this one was ahead of the machine's time (s), in this `run`.

    None: nothing says so.
    """
    said = read_object(layout.clock)
    ahead_s = said.get("ahead_s")
    if said.get("boot") != run or not isinstance(ahead_s, (int, float)):
        return None
    return float(ahead_s) if abs(ahead_s) < LARGEST_S else None
