"""A process beside a job that ends its trial where that hangs, also with the interpreter's lock.

Forked before users' code is imported, and no child of the job's: code that waits for all of its
children would wait for it. It ends when the job does. Owns the page of memory in which the job says
what it trains, and what is written about a trial that was ended. Standard library only, because
every job imports it.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import select
import signal
import time
from typing import TYPE_CHECKING

from hpo.folder import offers
from hpo.folder.offers import Leg
from hpo.folder.patience import Patience, StorageTrouble
from hpo.job import processes
from hpo.job.ending import broken_leg, failure
from hpo.job.hang_watch import NEVER, Hang, HangWatch, end_below, show_stacks
from hpo.job.leg import finish_leg
from hpo.record.causes import Cause
from hpo.record.result import Outcome, Result
from hpo.trial.stack_signal import show_stack_on_signal

if TYPE_CHECKING:
    from hpo.job.serving import Place

log = logging.getLogger(__name__)

IDLE_S = 1.0  # between two looks whether there is something to watch
LONGEST_LOOK_S = 5.0
_CLOSED = "closed"
_LENGTH = 4  # bytes at the start of the page
_IGNORED = (signal.SIGTERM, signal.SIGUSR2, signal.SIGINT, signal.SIGHUP)


class Watcher:
    """The job's side: says what is trained now."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, mmap.PAGESIZE)

    def begin(self, claim: Leg) -> None:
        """The leg is trained in this process from now on."""
        self._write(claim.name)

    def end(self) -> None:
        """What was trained has come to its end; to write that down is no trial's business."""
        self._write("")

    def close(self) -> None:
        """Nothing is to be watched any more."""
        self._write(_CLOSED)

    def watched(self) -> str:
        """The name of the claim that is trained now; empty: none."""
        length = int.from_bytes(self._page[:_LENGTH], "little")
        return self._page[_LENGTH : _LENGTH + length].decode("ascii", "replace")

    def _write(self, name: str) -> None:
        data = name.encode("ascii")
        self._page[:_LENGTH] = bytes(_LENGTH)  # no name while another one is written
        self._page[_LENGTH : _LENGTH + len(data)] = data
        self._page[:_LENGTH] = len(data).to_bytes(_LENGTH, "little")


def watch_over(place: Place) -> Watcher:
    """Start the process, where trials are to be watched; what to tell it."""
    watcher = Watcher()
    if place.settings.hang_after == NEVER:
        return watcher
    show_stack_on_signal()
    job = os.getpid()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return watcher
    try:
        os.setsid()
        if os.fork() == 0:
            for number in _IGNORED:
                signal.signal(number, signal.SIG_IGN)
            _watch(place, watcher, job)
    except BaseException:  # because nothing of it may go on as if it were the job
        log.exception("whether trials hang is not watched any more")
    finally:
        os._exit(0)


def _watch(place: Place, watcher: Watcher, job: int) -> None:
    """Until the job has ended, or was ended here."""
    ended: list[int] = []  # readable once it has
    with contextlib.suppress(OSError, AttributeError):
        ended = [os.pidfd_open(job)]
    _look_on(place, watcher, job, ended)


def _look_on(place: Place, watcher: Watcher, job: int, ended: list[int]) -> None:
    watch: HangWatch | None = None
    since = time.monotonic()
    while processes.lives(job):
        name = watcher.watched()
        if name == _CLOSED:
            return
        claim = offers.parse(name) if name else None
        if claim is None:
            watch = None
        elif watch is None or watch.claim != claim:
            watch = HangWatch(place.layout, claim, place.settings.hang_after, job)
            since = time.monotonic()
        pause_s = IDLE_S if watch is None else min(watch.step_s, LONGEST_LOOK_S)
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
