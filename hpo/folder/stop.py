"""`hpo stop`, as files: the request that stands, and the jobs that were cancelled for it.

Seats look for stop.json before they take a trial, the manager in every tick; the next start removes
it. Which jobs were cancelled is kept in jobs/cancelled/, because their trials go on, unlike those
whose job the user cancelled one by one.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import asdict, dataclass

from hpo.folder import opening
from hpo.folder.files import Layout, publish_json, read_json
from hpo.record.fields import from_json

DRAIN, NOW, KILL = "drain", "now", "kill"
STRENGTH = (DRAIN, NOW, KILL)
"""What runs finishes its leg; saves and leaves at its next report; is cancelled. Mild to harsh."""


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Who asked, when (s since 1970), and `how`: one of STRENGTH."""

    how: str
    time: float
    by: str


def publish(layout: Layout, request: StopRequest) -> StopRequest:
    """Make the request known to jobs and manager; the one that stands: a milder one never wins."""
    standing = read(layout)
    if standing and STRENGTH.index(standing.how) > STRENGTH.index(request.how):
        return standing
    publish_json(layout.stop, asdict(request))
    if request.how != DRAIN:
        opening.touch(layout.leave)
    return request


def read(layout: Layout) -> StopRequest | None:
    """The request that stands; None also where it cannot be read just now."""
    try:
        request = from_json(StopRequest, read_json(layout.stop))
    except ValueError:
        return None
    return request if request.how in STRENGTH else None


def stands(layout: Layout) -> bool:
    """Whether a request lies there, readable or not; by a listing, which NFS does not answer late.

    A folder that cannot be listed now is no news.
    """
    try:
        return layout.stop.name in os.listdir(layout.root)
    except OSError:
        return False


def withdraw(layout: Layout) -> None:
    """The campaign goes on."""
    layout.stop.unlink(missing_ok=True)


def obeyed_by_this_start() -> bool:
    """Whether nobody typed this start, so that it goes on to the end that was asked for.

    That is one by SLURM, which requeued the manager's job, or by the script of that job.
    """
    requeued = os.environ.get("SLURM_RESTART_COUNT", "0") not in ("", "0")
    return requeued or "HPO_RESTARTED" in os.environ


def note_cancelled(layout: Layout, job_ids: Collection[str]) -> None:
    """Remember, before they are cancelled, which jobs a request takes."""
    opening.make_folder(layout.cancelled)
    publish_json(layout.cancelled_list(os.urandom(8).hex()), sorted(job_ids))


def was_cancelled(layout: Layout, job_id: str) -> bool:
    """Whether a request took this job."""
    try:
        paths = sorted(layout.cancelled.glob("*.json"))
    except OSError:
        return False
    lists = (read_json(path) for path in paths)
    return any(isinstance(found, list) and job_id in found for found in lists)
