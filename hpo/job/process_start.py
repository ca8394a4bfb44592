"""When a process began, counted from the start of the machine: no step of the clock changes it.

Owns the form `<boot>:<ticks>` in which it is recorded. No other process has the same number and the
same start, on this machine or another. Standard library only, because every job imports it.
"""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")
_START = 19  # of the fields behind the name; proc(5), starttime


def boot() -> str | None:
    """The name of this machine's present run, a new one after each start; None off Linux."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None


def began(pid: int) -> str | None:
    """When process `pid` began; None: there is none, or this is no Linux."""
    try:
        # The name stands in brackets, and may hold anything, brackets too.
        _, _, fields = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")
        return f"{boot()}:{int(fields.split()[_START])}"
    except OSError:
        return None
