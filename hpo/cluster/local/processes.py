"""Processes of this machine: whether a recorded one lives, and the end of those that are our jobs.

Owns the proof that a process is a job of a campaign. A record is a file that may be stale, or
forged where others can write; so a signal only goes to a process that itself shows what it is, by
its user, its command and its environment. Knows no seats.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from hpo.errors import PollError
from hpo.folder.safety import is_same_folder
from hpo.job import process_start

START_TOLERANCE_S = 2.0  # psutil computes it from the boot time, which clock steps move
JOB_ID = "HPO_JOB_ID"


def identity(pid: int) -> dict[str, Any]:
    """What a record says of a process that has just begun, beside its number.

    `began` is the kernel's own count; elsewhere than on Linux `start` (s, Unix).
    """
    if (began := process_start.began(pid)) is not None:
        return {"began": began}
    try:
        return {"start": psutil.Process(pid).create_time()}
    except psutil.Error:
        return {}


def is_alive(record: Mapping[str, Any], job_id: str, root: Path) -> bool:
    """Whether the recorded process still runs; a process id alone may be another's by now."""
    try:
        process = psutil.Process(int(record["pid"]))
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        began, start = record.get("began"), record.get("start")
        if began is not None:
            return bool(process_start.began(process.pid) == began)
        if start is not None and abs(process.create_time() - float(start)) < START_TOLERANCE_S:
            return True
        return _is_job(process, job_id, root)
    except psutil.AccessDenied:
        return True
    except (psutil.NoSuchProcess, KeyError, TypeError, ValueError, OverflowError):
        return False  # the latter where it is damaged: nobody can say which process it was


def is_shown(record: Mapping[str, Any], job_id: str, root: Path) -> bool:
    """Whether the recorded process itself shows that it is this job of the campaign in `root`."""
    try:
        return _is_job(psutil.Process(int(record["pid"])), job_id, root)
    except (psutil.Error, KeyError, TypeError, ValueError, OverflowError):
        return False


def end(record: Mapping[str, Any], job_id: str, root: Path, *, is_own: bool = False) -> bool:
    """Kill the recorded process and all below it; False: it does not show that it is this job.

    Of a child of this process, `is_own`, the number cannot be another's.

    Raises:
        PollError: it cannot be ended.
    """
    return _signal(record, job_id, root, signal.SIGKILL, is_own=is_own)


def ask_to_leave(record: Mapping[str, Any], job_id: str, root: Path, *, is_own: bool) -> bool:
    """Send the recorded process SIGTERM; as `end`."""
    return _signal(record, job_id, root, signal.SIGTERM, is_own=is_own)


def _signal(
    record: Mapping[str, Any], job_id: str, root: Path, sign: signal.Signals, *, is_own: bool
) -> bool:
    try:
        process = psutil.Process(int(record["pid"]))
        if not (is_own or _is_job(process, job_id, root)):
            return False
        below = process.children(recursive=True) if sign is signal.SIGKILL else []
        for one in [process, *below]:
            _send(one, sign)
    except psutil.NoSuchProcess:
        pass  # it has ended by itself
    except psutil.Error as err:
        raise PollError(f"process {record['pid']} cannot be ended: {err}") from err
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
    return True


def _send(process: psutil.Process, sign: signal.Signals) -> None:
    """Signal exactly this process: its number may become another's at any moment."""
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return
    except (OSError, AttributeError):  # an old kernel, or no Linux: psutil looks at the start
        try:
            process.send_signal(sign)
        except psutil.NoSuchProcess:
            return
        return
    try:
        # Looked at after the handle was there: what it names is this process, or has ended.
        if process.is_running():
            signal.pidfd_send_signal(handle, sign)
    except ProcessLookupError:
        return
    except PermissionError as err:
        raise psutil.AccessDenied(process.pid) from err
    finally:
        os.close(handle)


def _is_job(process: psutil.Process, job_id: str, root: Path) -> bool:
    """Whether the process, or one below it in the session that it leads, shows that it is this job.

    Below it, because a container's own process hides the command and clears the environment, and
    some programs write their title over both.
    """
    if _shows(process, job_id, root):
        return True
    below = process.children(recursive=True) if _session(process.pid) == process.pid else []
    return any(_session(one.pid) == process.pid and _shows(one, job_id, root) for one in below)


def _shows(process: psutil.Process, job_id: str, root: Path) -> bool:
    """Whether this user started it with the command of a seat of this folder, as this job."""
    try:
        if process.uids().effective != os.geteuid():
            return False
        words = process.cmdline()
        named = process.environ().get(JOB_ID)
    except psutil.Error:
        return False
    return named == job_id and words[-2:-1] == ["seat"] and is_same_folder(words[-1], root)


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None
