"""Processes of this machine, told apart from others that were given the same id later.

Owns the comparison by start time. Knows no seats and no files.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

import psutil

from hpo.errors import PollError

START_TOLERANCE_S = 2.0  # start times are computed from the boot time, which clock steps move
STARTING_S = 30.0  # a record without a process is one that was about to be started


def is_alive(record: Mapping[str, Any]) -> bool:
    """Whether the recorded process still runs; a process id alone may be another's by now."""
    try:
        return _runs(record)
    except (ValueError, TypeError, OverflowError):
        return False  # damaged: nobody can say which process it was


def _runs(record: Mapping[str, Any]) -> bool:
    pid, start = record.get("pid"), record.get("start")
    try:
        if pid is None:
            return bool(time.time() < float(record.get("submitted", 0.0)) + STARTING_S)
        process = psutil.Process(int(pid))
        same = start is None or abs(process.create_time() - float(start)) < START_TOLERANCE_S
        return same and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, TypeError, ValueError):  # the latter for a damaged record
        return False
    except psutil.AccessDenied:
        return True


def kill_tree(pid: int) -> None:
    """End a process and all below it.

    Raises:
        PollError: it cannot be ended.
    """
    try:
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
    except psutil.NoSuchProcess:
        return
    except psutil.Error as err:
        raise PollError(f"process {pid} cannot be ended: {err}") from err


def start_time(pid: int) -> float | None:
    """When the process began (s, Unix); None: it is gone."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None
