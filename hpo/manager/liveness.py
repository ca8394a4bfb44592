"""Whether a campaign's manager lives, as far as its files and this machine tell: no call to SLURM.

The beat in status.json proves that it lived then. That there is none proves nothing: a file server
may be late, a disk full. Only a process of this machine can be seen to be gone.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from hpo.folder.files import Layout, read_json
from hpo.job import process_start
from hpo.manager.lock import Holder, holder_of
from hpo.record.fields import from_json
from hpo.report.status_document import Beat

MISSED = 3  # beats in a row, and a file server that shows a file late
LATE_S = 60.0


class Life(Enum):
    """What is known of a manager."""

    LIVES = "lives"
    NONE = "none"  # it left, or never was
    DEAD = "dead"  # it did not leave, and its process is gone
    SILENT = "silent"  # nobody can say from here


@dataclass(frozen=True, slots=True)
class ManagerSeen:
    """What is known of a campaign's manager.

    `seen_at` is when it last gave a sign (s, Unix; by the clock of its host); None: it never did.
    """

    life: Life
    seen_at: float | None = None
    host: str = ""
    pid: int | None = None
    job_id: str | None = None


def look(layout: Layout, beat: Beat) -> ManagerSeen:
    """What is known now of the manager of a campaign, whose last beat is given."""
    holder = holder_of(layout)
    if holder is None and _is_held_by_somebody(layout):
        return ManagerSeen(Life.SILENT, beat.at, beat.host, beat.pid, beat.job_id)
    return judge(holder, beat, time.time(), _is_gone)


def judge(
    holder: Holder | None, beat: Beat, now: float, is_gone: Callable[[Holder], bool | None]
) -> ManagerSeen:
    """The same from what was read; `is_gone` says if its process has ended, None: nobody knows."""
    if holder is None:
        return ManagerSeen(Life.NONE, beat.at, beat.host, beat.pid, beat.job_id)
    is_its_own = (beat.host, beat.pid) in ((holder.host, holder.pid), ("", None))
    seen_at = max(holder.since, beat.at or 0.0) if is_its_own else holder.since
    gone = is_gone(holder)
    if gone is None:
        life = Life.LIVES if now - seen_at <= MISSED * beat.every_s + LATE_S else Life.SILENT
    else:
        life = Life.DEAD if gone else Life.LIVES
    return ManagerSeen(life, seen_at, holder.host, holder.pid, holder.job_id)


def _is_held_by_somebody(layout: Layout) -> bool:
    """Whether there is a lock, and nobody can read whose it is."""
    if not os.path.lexists(layout.lock):
        return False
    try:
        from_json(Holder, read_json(layout.manager))
    except ValueError:
        return True
    return False


def _is_gone(holder: Holder) -> bool | None:
    if holder.host != socket.gethostname():
        return None
    if holder.began:
        return process_start.began(holder.pid) != holder.began
    try:  # off Linux, and of an older version
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
