"""What the process beside a job does: it looks whether the trial hangs, and ends it where it does.

Owns what is written about a trial that was ended. Imported by that process alone, or by a seat that
looks after the processes of its trials itself, so that no job waits for it.
"""

from __future__ import annotations

import logging
import select
import signal
import time
from typing import TYPE_CHECKING

from hpo.folder import offers
from hpo.folder.offers import Leg
from hpo.folder.patience import Patience, StorageTrouble
from hpo.job import processes
from hpo.job.ending import broken_leg, failure
from hpo.job.hang_watch import Hang, HangWatch, end_below, show_stacks
from hpo.job.leg import finish_leg
from hpo.job.watcher import CLOSED, FIRST_LOOK_S, Watcher
from hpo.record.causes import Cause
from hpo.record.result import Outcome, Result

if TYPE_CHECKING:
    from hpo.job.serving import Place

log = logging.getLogger(__name__)

LONGEST_LOOK_S = 5.0


def look_on(place: Place, watcher: Watcher, job: int, ended: list[int]) -> None:
    """Until the job has ended, or was ended here; `ended` is readable once it has."""
    watch: HangWatch | None = None
    since = time.monotonic()
    while processes.lives(job):
        name = watcher.watched()
        if name == CLOSED:
            return
        claim = offers.parse(name) if name else None
        if claim is None:
            watch = None
        elif watch is None or watch.claim != claim:
            watch = HangWatch(place.layout, claim, place.settings.hang_after, job)
            since = time.monotonic()
        pause_s = FIRST_LOOK_S if watch is None else min(watch.step_s, LONGEST_LOOK_S)
        if select.select(ended, [], [], pause_s)[0]:
            return
        hang = None if watch is None else watch.look()
        if hang is None or claim is None or watch is None:
            continue
        show_stacks(claim, job, hang)
        if watch.has_moved():
            continue
        end_below(job)
        if watcher.watched() == name and _write_down(place, claim, hang, time.monotonic() - since):
            processes.kill([job, *processes.descendants(job)])
            return
        processes.send([job], signal.SIGCONT)  # it was at its end, or nothing can be written
        watch = None


def _write_down(place: Place, claim: Leg, hang: Hang, took_s: float) -> bool:
    """Write what the leg came to after `took_s` seconds, while its process stands still.

    False: it cannot be written.
    """
    layout, patience = place.layout, Patience()
    try:
        if not offers.is_held(layout, claim):
            return True  # it was given up meanwhile, and nothing counts
        offer = patience.insist("the offer", lambda: offers.read_claim(layout, claim))
        here = place.surroundings()
        goal, result = place.settings.goal, result_of(hang)
        account = broken_leg(layout, (claim, offer), goal, here, result, took_s=took_s)
        finish_leg(layout, account, patience)
    except StorageTrouble as err:
        log.error("trial %d hangs, and goes on to do so: %s", claim.trial_id, err)
        return False
    return True


def result_of(hang: Hang) -> Result:
    """How a leg ended that was ended so; how far it came is told by its reports."""
    if hang.leaving:
        return Result(Outcome.INTERRUPTED, None, 0, 0.0, message=hang.message)
    return failure(Cause.HUNG.value, hang.message, None)
