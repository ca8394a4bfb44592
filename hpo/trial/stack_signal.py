"""The signal on which a process of a trial shows where it stands, also one that hangs.

`faulthandler` answers it without the interpreter's lock, so that it works also where a library
never gives that back. A signal that no user's code is likely to take; whoever sends it looks first
whether it is caught, because by default it would end the process. Standard library only.
"""

from __future__ import annotations

import contextlib
import faulthandler
import signal

STACK_SIGNAL: int | None = signal.SIGRTMIN + 9 if hasattr(signal, "SIGRTMIN") else None  # macOS


def show_stack_on_signal() -> None:
    """From now on the signal prints the stacks of all threads to the standard output."""
    if STACK_SIGNAL is None or signal.getsignal(STACK_SIGNAL) is not signal.SIG_DFL:
        return
    # Suppressed, because a process without a standard output need not show anything.
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        faulthandler.register(STACK_SIGNAL, file=1, all_threads=True)
