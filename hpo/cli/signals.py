"""Signals of the manager: each only asks it to leave, between two ticks.

USR1 comes from SLURM before the time limit, TERM from scancel or preemption, INT from Ctrl-C. The
second Ctrl-C ends the process at once, which is safe as well: the journal is always whole.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from types import FrameType

SHOW_CURSOR = b"\x1b[?25h"  # the progress bar hid it, and may not get to show it again
ASKING = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)


class LeaveRequest:
    """Also the manager's real clock: sleeping ends early when a signal comes."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self.signal_name: str | None = None

    def listen(self) -> None:
        """Take over the signals that ask to leave."""
        for number in ASKING:
            signal.signal(number, self._ask)

    def is_set(self) -> bool:
        """Whether a signal has come."""
        return self._asked.is_set()

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait, but no longer than until a signal comes."""
        self._asked.wait(seconds)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.signal_name = signal.Signals(number).name
        self._asked.set()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            # Not through the log, which this may have interrupted in the middle of a line.
            with contextlib.suppress(OSError):
                if os.isatty(2):
                    os.write(2, SHOW_CURSOR)
                os.write(2, b"hpo: leaving in a moment; Ctrl-C again leaves at once\n")
