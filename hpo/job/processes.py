"""What the kernel tells of the processes of a trial: which there are, and what they do.

Reads files of the kernel; without those of Linux less is known, and the processes alone are told by
psutil. Standard library otherwise, because every job imports it.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
COMMAND_SHOWN = 200  # characters
_STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "waiting for a device or a file server",
    "T": "stopped",
    "t": "stopped by a debugger",
    "Z": "ended",
}


@dataclass(frozen=True, slots=True)
class Process:
    """One process as `/proc/PID/stat` tells it; `cpu_s` counts its children that have ended."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    cpu_s: float


def look(pid: int) -> Process | None:
    """What is known of a process; None: it is gone, or the system has no such files."""
    try:
        text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # because its name may hold anything
    try:
        parent, group, session = map(int, fields[1:4])
        ticks = sum(map(int, fields[11:15]))
    except ValueError:
        return None
    return Process(pid, fields[0], parent, group, session, ticks / os.sysconf("SC_CLK_TCK"))


def is_stopped(pid: int) -> bool:
    """Whether somebody has put it to sleep, as a scheduler does that suspends jobs."""
    found = look(pid)
    return found is not None and found.state in ("T", "t")


def lives(pid: int) -> bool:
    """Whether it still runs; what has ended and nobody asked about does not."""
    found = look(pid)
    if found is not None:
        return found.state not in ("Z", "X")
    if PROC.joinpath("self/stat").exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def descendants(pid: int) -> list[int]:
    """All that it has started, and what runs in a process group that one of those leads."""
    every = [found for found in map(look, _pids()) if found is not None]
    if not every:
        return _by_psutil(pid)
    below = {pid}
    while more := {p.pid for p in every if p.parent in below} - below:
        below |= more
    leaders = {p.pid for p in every if p.pid in below and p.pid == p.group} - {pid}
    below |= {p.pid for p in every if p.group in leaders}
    return sorted(below - {pid, os.getpid()})


def cpu_s(pids: Iterable[int]) -> float | None:
    """What they have computed so far (s); None: nobody tells."""
    found = [process.cpu_s for process in map(look, pids) if process is not None]
    return sum(found) if found else None


def catches(pid: int, number: int) -> bool:
    """Whether a handler is installed for the signal, so that it does not end the process."""
    try:
        text = (PROC / str(pid) / "status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    for line in text.splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (number - 1) & 1)
    return False


def describe(pid: int) -> str:
    """One line on what a process does, as far as the kernel tells an ordinary user."""
    found = look(pid)
    if found is None:
        return f"process {pid} is gone"
    parts = [_STATES.get(found.state, found.state)]
    where = _text(pid, "wchan")
    if where not in ("", "0"):
        parts.append(f"in the kernel's {where}")
    with contextlib.suppress(OSError):
        threads = len(os.listdir(PROC / str(pid) / "task"))
        parts += [f"{threads} threads"] if threads > 1 else []
    words = _text(pid, "cmdline").replace("\0", " ").strip()[:COMMAND_SHOWN]
    return f"process {pid} ({words or 'no command'}): {', '.join(parts)}"


def send(pids: Collection[int], number: int) -> None:
    """Send a signal to all of them that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def kill(pids: Collection[int]) -> None:
    """End them for good."""
    send(pids, signal.SIGKILL)


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir(PROC) if name.isdigit()]
    except OSError:
        return []


def _by_psutil(pid: int) -> list[int]:
    import psutil  # here, because a job loads it only to clean up

    try:
        return [child.pid for child in psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return []


def _text(pid: int, name: str) -> str:
    try:
        return (PROC / str(pid) / name).read_text(encoding="utf-8", errors="replace").strip("\0\n")
    except OSError:
        return ""
