"""Signals of the manager: each only asks it to leave, between two ticks.

USR1 comes from SLURM before the time limit, TERM from scancel or preemption, INT from Ctrl-C. The
second Ctrl-C ends the process at once, which is safe: the journal is always whole.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from types import FrameType

SHOW_CURSOR = b"\x1b[?25h"  # the progress bar hid it, and may not get to show it again
ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)


class LeaveRequest:
    """Also how the manager sleeps: no longer than until a signal comes.

    Woken through a pipe and not by a threading.Event, whose lock the interrupted code may hold: a
    handler that waits for it would never return.
    """

    def __init__(self) -> None:
        self._asked = False
        self._wakes, self._wake = os.pipe()
        self.signal_name: str | None = None

    def listen(self) -> None:
        """Take over the signals that ask to leave."""
        for number in ASKING:
            signal.signal(number, self._ask)

    def close(self) -> None:
        """Give the pipe back; no signal may come any more."""
        for descriptor in (self._wakes, self._wake):
            os.close(descriptor)

    def is_set(self) -> bool:
        """Whether a signal has come."""
        return self._asked

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until a signal comes."""
        select.select([self._wakes], [], [], max(0.0, seconds))

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if not self._asked:  # once is enough, and a full pipe would block
            self._asked, self.signal_name = True, signal.Signals(number).name
            os.write(self._wake, b".")
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            # Not through the log, which this may have interrupted in the middle of a line.
            with contextlib.suppress(OSError):
                if os.isatty(2):
                    os.write(2, SHOW_CURSOR)
                os.write(2, b"hpo: leaving in a moment; Ctrl-C again leaves at once\n")
