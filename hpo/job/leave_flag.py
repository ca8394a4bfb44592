"""The request to leave that a job gets by a signal: a flag, and nothing else happens in a handler.

Owns the handlers of SIGTERM and SIGUSR2. A seat whose trial runs in a process of its own passes the
signal on to it. Never saves, writes or logs: the next report does. Standard library only.

Users' code may put handlers of its own in their place, as Lightning does. So the interpreter also
writes the number of each signal that some handler takes into a pipe, where the flag finds it. What
users' code forks has the default dispositions again, as if this job were not there.

SIGUSR2 is SLURM's warning before the time limit, which it may send up to a minute early (sbatch,
`--signal`). A leg that was taken because it fits would not then, so that minute is waited for.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import weakref
from collections.abc import Callable
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGUSR2)
EARLY_S = 60.0  # by how much SLURM's warning may come before its time
LOOK_S = 0.05  # between two looks for a request that may be on its way


class LeaveFlag:
    """Set by signals; read between epochs.

    `warned_at` is when the warning before the time limit is due, in the seconds of `clock`; None:
    nobody knows. It may come `early_s` before that, beside what SLURM does not promise.
    """

    def __init__(
        self,
        warned_at: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        early_s: float = 0.0,
    ) -> None:
        self._warned_at = warned_at
        self._early_s = EARLY_S + early_s
        self._clock = clock
        self._leave_at: float | None = None  # None: not asked
        self._child: int | None = None
        self._pipe: tuple[int, int] | None = None  # None: not listening

    def is_set(self) -> bool:
        """Whether this process was asked to leave, and it is time to."""
        return self._is_asked() and self._clock() >= (self._leave_at or 0.0)

    def comes(self, within_s: float) -> bool:
        """Whether this process was asked to leave, or is before so many seconds are over.

        SLURM signals one process after the other, and the end of one may be seen before the job's
        own signal. A warning that came early counts, too.
        """
        deadline = time.monotonic() + within_s
        while not self._is_asked() and time.monotonic() < deadline:
            time.sleep(LOOK_S)
        return self._is_asked()

    def set(self) -> None:
        """Ask this process to leave, as a signal would."""
        self._leave_at = float("-inf")

    def listen(self) -> None:
        """From now on the signals set the flag, also after users' code has taken them."""
        for name in SIGNALS:
            signal.signal(name, self._ask)
        if self._pipe is None:
            self._pipe = os.pipe()
            for descriptor in self._pipe:
                os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._pipe[1], warn_on_full_buffer=False)
        _listening.add(self)

    def forget(self) -> None:
        """In a forked process: it is not this job, and its signals are its own."""
        for name in SIGNALS:
            if getattr(signal.getsignal(name), "__self__", None) is self:
                signal.signal(name, signal.SIG_DFL)
        if self._pipe is not None:
            descriptor = signal.set_wakeup_fd(-1)
            if descriptor not in (-1, self._pipe[1]):  # another's by now
                signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
            for descriptor in self._pipe:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
            self._pipe = None

    def pass_on_to(self, child: int | None) -> None:
        """Pass the request on to process `child` too, also one that came before; None: no more.

        To be called with None before the child is reaped, while its number is still its own.
        """
        self._child = child
        if self._leave_at is not None:
            self._tell(signal.SIGUSR2 if self._leave_at > self._clock() else signal.SIGTERM)

    def _is_asked(self) -> bool:
        if self._pipe is not None:
            # Suppressed, because mostly there is nothing, and users' code may close what it finds.
            with contextlib.suppress(OSError):
                for number in os.read(self._pipe[0], 1 << 16):
                    if number in SIGNALS:
                        self._note(number)
        return self._leave_at is not None

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self._note(number)
        self._tell(number)

    def _note(self, number: int) -> None:
        early_s = 0.0 if self._warned_at is None else self._warned_at - self._clock()
        if number != signal.SIGUSR2 or not 0.0 < early_s <= self._early_s:
            self.set()
        elif self._leave_at is None:
            self._leave_at = self._warned_at

    def _tell(self, number: int) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, number)


_listening: weakref.WeakSet[LeaveFlag] = weakref.WeakSet()


def _in_forked_process() -> None:
    for flag in list(_listening):
        flag.forget()


os.register_at_fork(after_in_child=_in_forked_process)
