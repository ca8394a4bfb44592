"""A process beside a job that ends its trial where that hangs, also with the interpreter's lock.

Forked before users' code is imported, and no child of the job's: code that waits for all of its
children would wait for it. It ends when the job does. Owns the page of memory in which the job says
what it trains; what the process does is in `watching`. Standard library only, because every job
imports it.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import select
import signal
from typing import TYPE_CHECKING

from hpo.folder.offers import Leg
from hpo.seats.silence import NEVER
from hpo.trial.stack_signal import show_stack_on_signal

if TYPE_CHECKING:
    from hpo.job.serving import Place

log = logging.getLogger(__name__)

FIRST_LOOK_S = 1.0  # and between two looks whether there is something to watch
CLOSED = "closed"
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
        self._write(CLOSED)

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
            ended: list[int] = []
            with contextlib.suppress(OSError, AttributeError):
                ended = [os.pidfd_open(job)]
            if not select.select(ended, [], [], FIRST_LOOK_S)[0]:
                from hpo.job.watching import look_on  # here, so that the job need not wait for it

                look_on(place, watcher, job, ended)
    except BaseException:  # because nothing of it may go on as if it were the job
        log.exception("whether trials hang is not watched any more")
    finally:
        os._exit(0)
