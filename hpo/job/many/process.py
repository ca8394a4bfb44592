"""A process of its own for a trial, so that what it does to its process reaches no other trial.

Owns the process: forked from this one, or a fresh interpreter; the signals that are passed on to
it; and how it ended, together with what it told on its way. Knows no offers and no results.
Standard library only, because every job imports it.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpo.errors import EXIT_RESUMABLE
from hpo.folder.patience import StorageTrouble, is_of_files
from hpo.job.hang_watch import Guard, Hang
from hpo.job.leave_flag import SIGNALS, LeaveFlag
from hpo.job.many import forking

log = logging.getLogger(__name__)

LINGER_S = 30.0  # for threads and exit functions of the user's code, after the trial's end
LOOK_S = 0.25  # between two looks at a process that a system without pidfd_open cannot wait for
SHELLS_SIGNAL = 128  # a shell's exit code is this and the signal's number
PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>
_CHUNK = 1 << 16
_OVER = b'{"over": true}\n'
TRAINED = {"trained": True}  # told when users' code has come to its end
_TRAINED = json.dumps(TRAINED).encode() + b"\n"

Note = Callable[[dict[str, Any]], None]
Watching = Callable[[int], Guard]  # by the number of the process


@dataclass(slots=True)
class ProcessEnd:
    """How the process ended: exit code, negative for a signal; and what it had told."""

    code: int
    notes: list[dict[str, Any]] = field(default_factory=list)
    hang: Hang | None = None  # for which it was ended here

    @property
    def was_killed(self) -> bool:
        """Whether a signal ended it, or a shell's exit code says so of what it ran."""
        return self.code < 0 or self.code > SHELLS_SIGNAL

    def describe(self) -> str:
        """In words, for a result."""
        if self.code >= 0:
            return f"its process ended with exit code {self.code} and without a result"
        try:
            name = signal.Signals(-self.code).name
        except ValueError:
            name = f"signal {-self.code}"
        return f"its process was killed by {name}"


def run_forked(
    work: Callable[[Note], None],
    flag: LeaveFlag,
    limit_s: float = float("inf"),
    watching: Watching | None = None,
) -> ProcessEnd:
    """Do `work` in a fork of this process; it is killed after so many seconds, or if it hangs."""
    reading, writing = os.pipe()
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    # Held back until the new process listens to them; else they would end it.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    child = forking.fork()
    if child == 0:
        flag.listen()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    if child == 0:
        os.close(reading)
        forking.forget_the_parents()
        work_and_exit(work, writing, parent)
    os.close(writing)
    return _follow(child, reading, flag, limit_s, watching)


def run_fresh(
    command: Sequence[str],
    environment: dict[str, str],
    flag: LeaveFlag,
    watching: Watching | None = None,
) -> ProcessEnd:
    """Run a command that calls `work_and_exit` with the number that is appended to it."""
    reading, writing = os.pipe()
    # Held back until the new process listens to them; else they would end it.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        process = subprocess.Popen(
            [*command, str(writing)], env=environment, stdin=subprocess.DEVNULL, pass_fds=(writing,)
        )
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        os.close(writing)
    end = _follow(process.pid, reading, flag, watching=watching)
    process.returncode = end.code  # because it was reaped here
    return end


def work_and_exit(work: Callable[[Note], None], writing: int, parent: int) -> None:
    """Do `work` in this process, tell `parent` through `writing`, and end the process."""

    def note(what: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the parent is gone: the end comes by itself
            os.write(writing, (json.dumps(what) + "\n").encode())

    code = 1
    try:
        die_with(parent)
        work(note)
        code = 0
    except StorageTrouble as err:
        log.error("this trial's process ends, it is offered again: %s", err)
        code = EXIT_RESUMABLE
    except BaseException as err:
        log.exception("this trial's process ends")
        code = EXIT_RESUMABLE if is_of_files(err) else 1
    finally:
        note({"over": True})
        forking.call_as_an_interpreter_does()
        os._exit(code)


def die_with(parent: int) -> None:
    """Let this process be killed with its parent: a seat that is gone trains nothing."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _follow(
    child: int,
    reading: int,
    flag: LeaveFlag,
    limit_s: float = float("inf"),
    watching: Watching | None = None,
) -> ProcessEnd:
    """Wait for the end of the process, and take down what it tells."""
    guard = None if watching is None else watching(child)
    os.set_blocking(reading, False)
    pidfd = _pidfd(child)
    watched = [reading] if pidfd is None else [reading, pidfd]
    told = bytearray()
    kill_at = time.monotonic() + limit_s
    flag.pass_on_to(child)
    hang: Hang | None = None
    while (status := _reaped(child, flag)) is None:
        try:
            select.select(watched, [], [], LOOK_S)
        except KeyboardInterrupt:  # the trial got it as well, and leaves
            flag.set()
        if not _take(reading, told) and reading in watched:
            watched.remove(reading)  # what has ended is always readable
        now = time.monotonic()
        if _OVER in told:
            kill_at = min(kill_at, now + LINGER_S)
        if now >= kill_at:
            log.warning("the trial's process did not end in time: killed")
            os.kill(child, signal.SIGKILL)
            kill_at = now + LINGER_S
        if guard is not None and hang is None and _TRAINED not in told:
            hang = guard.look()
    _take(reading, told)
    for descriptor in {reading, pidfd} - {None}:
        os.close(descriptor)  # type: ignore[arg-type]  # because None was taken out
    # Of a process that was killed, the last line may be torn.
    lines = [line for line in bytes(told).splitlines(keepends=True) if line.endswith(b"\n")]
    code = os.waitstatus_to_exitcode(status)
    return ProcessEnd(code, [json.loads(line) for line in lines], hang)


def _pidfd(child: int) -> int | None:
    """Readable once the process has ended; None on an old kernel, or without Linux."""
    try:
        return os.pidfd_open(child)
    except (OSError, AttributeError):
        return None


def _reaped(child: int, flag: LeaveFlag) -> int | None:
    """The status of a process that has ended; signals are passed on to it until then."""
    if hasattr(os, "waitid"):  # macOS has it from Python 3.13 on
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        flag.pass_on_to(None)  # before its number may become another's
    pid, status = os.waitpid(child, os.WNOHANG)
    if pid == 0:
        return None
    flag.pass_on_to(None)
    return status


def _take(reading: int, told: bytearray) -> bool:
    """Read what there is; False: the last of it has come."""
    while True:
        try:
            chunk = os.read(reading, _CHUNK)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        told += chunk
