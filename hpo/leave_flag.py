"""The request to leave that a job gets by a signal: a flag, and nothing else happens in a handler.

Owns the handlers of SIGTERM and SIGUSR2. A seat whose trial runs in a process of its own passes the
signal on to it. Never saves, writes or logs: the next report does. Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGUSR2)


class LeaveFlag:
    """Set by signals; read between epochs."""

    def __init__(self) -> None:
        self._asked = False
        self._child: int | None = None

    def is_set(self) -> bool:
        """Whether this process was asked to leave."""
        return self._asked

    def set(self) -> None:
        """Ask this process to leave, as a signal would."""
        self._asked = True

    def listen(self) -> None:
        """From now on the signals set the flag."""
        for name in SIGNALS:
            signal.signal(name, self._ask)

    def pass_on_to(self, child: int | None) -> None:
        """Pass the request on to process `child` too, also one that came before; None: no more.

        To be called with None before the child is reaped, while its number is still its own.
        """
        self._child = child
        if self._asked:
            self._tell(signal.SIGUSR2)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self._asked = True
        self._tell(number)

    def _tell(self, number: int) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, number)
