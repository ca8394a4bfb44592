"""The request to leave that a job gets by a signal: a flag, and nothing else happens in a handler.

Owns the handlers of SIGTERM and SIGUSR2. A seat whose trial runs in a process of its own passes the
signal on to it. Never saves, writes or logs: the next report does. Standard library only.

SIGUSR2 is SLURM's warning before the time limit, which it may send up to a minute early (sbatch,
`--signal`). A leg that was taken because it fits would not then, so that minute is waited for.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGUSR2)
EARLY_S = 60.0  # by how much SLURM's warning may come before its time


class LeaveFlag:
    """Set by signals; read between epochs.

    `warned_at` is when the warning before the time limit is due (s, Unix); None: nobody knows.
    It may come `early_s` before that, beside what SLURM does not promise.
    """

    def __init__(
        self,
        warned_at: float | None = None,
        clock: Callable[[], float] = time.time,
        *,
        early_s: float = 0.0,
    ) -> None:
        self._warned_at = warned_at
        self._early_s = EARLY_S + early_s
        self._clock = clock
        self._leave_at: float | None = None  # None: not asked
        self._child: int | None = None

    def is_set(self) -> bool:
        """Whether this process was asked to leave, and it is time to."""
        return self._leave_at is not None and self._clock() >= self._leave_at

    def set(self) -> None:
        """Ask this process to leave, as a signal would."""
        self._leave_at = float("-inf")

    def listen(self) -> None:
        """From now on the signals set the flag."""
        for name in SIGNALS:
            signal.signal(name, self._ask)

    def pass_on_to(self, child: int | None) -> None:
        """Pass the request on to process `child` too, also one that came before; None: no more.

        To be called with None before the child is reaped, while its number is still its own.
        """
        self._child = child
        if self._leave_at is not None:
            self._tell(signal.SIGUSR2 if self._leave_at > self._clock() else signal.SIGTERM)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        early_s = 0.0 if self._warned_at is None else self._warned_at - self._clock()
        if number != signal.SIGUSR2 or not 0.0 < early_s <= self._early_s:
            self.set()
        elif self._leave_at is None:
            self._leave_at = self._warned_at
        self._tell(number)

    def _tell(self, number: int) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, number)
