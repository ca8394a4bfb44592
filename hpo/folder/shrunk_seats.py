"""The time limits of seats that were changed while they waited, for those seats to read.

Owns `jobs/shrunk-<array>.json`: the manager writes it before it has the cluster lower the limits,
and after it has it raise them, so that a job which starts in between counts on less than it has,
never on more. A file that cannot
be read is no news. Standard library only.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import groupby
from pathlib import Path

from hpo.folder.files import Layout, publish_json, read_object
from hpo.seats.job_identity import JobIdentity


def note(layout: Layout, job_ids: Collection[str], time_min: int) -> None:
    """These jobs are to have a limit of `time_min`.

    Raises:
        OSError: it cannot be written.
    """
    for array, jobs in groupby(sorted(job_ids), key=_array_of):
        path = layout.shrunk(array)
        publish_json(path, _read(path) | dict.fromkeys(jobs, time_min))


def adopt(layout: Layout, job: JobIdentity) -> JobIdentity:
    """The job with the time that it has now, where its script says another."""
    time_min = _read(layout.shrunk(_array_of(job.job_id))).get(job.job_id, 0)
    if job.time.asked_min is not None and 0 < time_min != job.time.asked_min:
        return job._replace(time=job.time.changed_to(time_min))
    return job


def _read(path: Path) -> dict[str, int]:
    return {job_id: limit for job_id, limit in read_object(path).items() if type(limit) is int}


def _array_of(job_id: str) -> str:
    return job_id.partition("_")[0]
