"""One manager per campaign: the lock file, its holder's record, and when it may be taken over.

The lock is filelock's O_EXCL kind, because flock is node-local on GPFS. It frees itself only on
the holder's own host; for a holder on another host SLURM is the arbiter: the campaign is taken
over only when the holder's job is known to be gone. `guard` stops a manager that was taken over.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hpo.errors import CampaignLockedError, JournalForkError
from hpo.folder.files import Layout, publish_json, read_json, read_plain
from hpo.folder.safety import is_same_folder
from hpo.job import process_start
from hpo.record.fields import LATEST_S, from_json
from hpo.shown import one_line

log = logging.getLogger(__name__)

# A manager names itself in the lock right after it made it; a file server may show that a minute
# later.
NAMELESS_S = 60.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a campaign."""

    host: str
    pid: int
    job_id: str | None
    restarts: int
    nonce: str
    since: float
    root: str = ""  # of the campaign; another one where the lock was copied along with its folder
    began: str = ""  # its process, as `job.process_start` tells it; empty off Linux

    def __str__(self) -> str:
        """For messages."""
        job = f", SLURM job {one_line(self.job_id)}" if self.job_id else ""
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.pid} on {one_line(self.host)}{job}, since {since}"


def this_process(environ: Mapping[str, str] = os.environ) -> Holder:
    """The record of this process as a holder."""
    return Holder(
        host=socket.gethostname(),
        pid=os.getpid(),
        job_id=environ.get("SLURM_JOB_ID"),
        restarts=int(environ.get("SLURM_RESTART_COUNT") or 0),
        nonce=os.urandom(8).hex(),
        since=time.time(),
        began=process_start.began(os.getpid()) or "",
    )


class ManagerLock:
    """Held between `acquire` and `release`."""

    def __init__(self, layout: Layout, sleep: Callable[[float], None] = time.sleep) -> None:
        from filelock import SoftFileLock  # here, because who only looks holds no lock

        self._lock = SoftFileLock(layout.lock, mode=0o640)
        self._record = layout.manager
        self._path = layout.lock
        self._sleep = sleep
        self.holder = replace(this_process(), root=str(layout.root))

    def acquire(self, is_job_gone: Callable[[str], bool | None]) -> None:
        """Become the one manager.

        Args:
            is_job_gone: asks SLURM about a job id; None: it did not answer.

        Raises:
            CampaignLockedError: another manager lives, or nobody can say that it does not.
        """
        # Twice, because filelock 4.1 frees the lock of a dead process and then gives up.
        if not (self._try() or self._try()):
            nameless = self._stays_nameless()
            other = _recorded(self._record)
            if not nameless and not _was_copied(other, self._path.parent):
                self._require_gone(other, is_job_gone)
            if _recorded(self._record) != other:
                raise self._locked(_recorded(self._record), "it was faster")
            self._path.unlink(missing_ok=True)
            if not self._try():
                raise self._locked(_recorded(self._record), "it was faster")
        try:
            publish_json(self._record, asdict(self.holder))
        except OSError:
            self._lock.release()  # because nobody could tell who holds it
            raise

    def _try(self) -> bool:
        from filelock import Timeout

        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True

    def _stays_nameless(self) -> bool:
        """Whether who made the lock died before it could write its name there.

        Should it have been held up instead, `guard` stops one of the two before it decides.
        """
        before = _recorded(self._record)
        for waited_s in range(int(NAMELESS_S)):
            try:
                if read_plain(self._path):
                    return False
            except OSError:
                return False
            if _recorded(self._record) != before:
                return False
            if waited_s == 0:
                log.warning("%s names nobody; looking for %.0f s", self._path, NAMELESS_S)
            self._sleep(1.0)
        return True

    def release(self) -> None:
        """Let the next manager in."""
        self._lock.release()

    def guard(self) -> None:
        """Stop a manager whose campaign was taken over.

        Raises:
            JournalForkError: the holder's record names another manager.
        """
        other = _recorded(self._record)
        if other is not None and other.nonce != self.holder.nonce:
            raise JournalForkError(
                f"another manager took this campaign over: {other}. "
                "This one stops without writing anything more"
            )

    def _require_gone(
        self, other: Holder | None, is_job_gone: Callable[[str], bool | None]
    ) -> None:
        if other is None:
            raise self._locked(None, "its record cannot be read")
        mine = self.holder
        if other.job_id is not None and other.job_id == mine.job_id:
            if other.restarts < mine.restarts:
                return  # a former life of this very job
            raise self._locked(other, "it is this job's other process")
        if other.job_id is None:
            raise self._locked(other, "it is no SLURM job, so nobody but you can say if it lives")
        gone = is_job_gone(other.job_id)
        if gone is None:
            raise self._locked(other, "SLURM could not be asked whether its job is gone; try again")
        if not gone:
            raise self._locked(other, "its job is still known to SLURM")

    def _locked(self, other: Holder | None, why: str) -> CampaignLockedError:
        who = "another manager" if other is None else str(other)
        return CampaignLockedError(
            f"{self._path.parent} is held by {who} ({why}). Stop that manager, or, if you are "
            f"sure that it is gone, remove {self._path} and start again"
        )


def holder_of(layout: Layout) -> Holder | None:
    """Who holds the campaign, dead or alive, for messages; None: nobody, or it cannot be read."""
    holder = _recorded(layout.manager) if layout.lock.exists() else None
    return None if _was_copied(holder, layout.root) else holder


def _was_copied(holder: Holder | None, root: Path) -> bool:
    """Whether the lock is that of another folder, of which this one is a copy."""
    return holder is not None and bool(holder.root) and not is_same_folder(holder.root, root)


def _recorded(path: Path) -> Holder | None:
    """The holder that a record names; None where it is damaged, which proves nothing."""
    try:
        holder = from_json(Holder, read_json(path))
    except ValueError:
        return None
    return holder if 0 <= holder.since < LATEST_S else None
