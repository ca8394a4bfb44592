"""Whether SLURM killed a job for its memory, and how much the job had used.

Owns slurmstepd's words for it in a job's log: a SLURM without cgroups ends such a job as FAILED.
Only lines of slurmstepd itself count, because users' code prints anything. Asks sacct for the jobs
it finds; changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from hpo.cluster.slurm.commands import ask
from hpo.errors import PollError
from hpo.record.causes import Cause
from hpo.seats.book import JobPhase, JobStatus

TAIL_BYTES = 65_536
# From 18.08 to 26.05, with and without cgroups; a node's name follows where several slurmd share a
# host. "Exceeded step memory limit at some point" is about swapping: nothing was killed.
_WORDS = re.compile(
    r"^slurmstepd(?:-\S+)?: error: (?!.*at some point)"
    r".*(?:exceeded (?:job |step )?memory limit|oom[-_ ]kill)",
    re.IGNORECASE | re.MULTILINE,
)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT])n?")
_MB_PER_UNIT = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0 * 1024.0}


def with_memory_kills(
    statuses: Mapping[str, JobStatus], log_of: Callable[[str], Path]
) -> dict[str, JobStatus]:
    """The same statuses, with the jobs that memory killed told as such.

    `log_of` gives the log of a job.
    """
    killed = {i for i, s in statuses.items() if _is_memory_kill(s, log_of(i))}
    if not killed:
        return dict(statuses)
    use = _memory_use(sorted(killed))
    return {
        job_id: replace(
            status, cause=Cause.OUT_OF_MEMORY, detail=f"{status.detail}{use.get(job_id, '')}"
        )
        if job_id in killed
        else status
        for job_id, status in statuses.items()
    }


def tells_memory_kill(text: str) -> bool:
    """Whether slurmstepd says in a job's log that it was killed for its memory."""
    return _WORDS.search(text) is not None


def read_memory_use(text: str) -> dict[str, str]:
    """What jobs used and had, as a half sentence, from `sacct -n -P -o JobID,MaxRSS,ReqMem`."""
    used: dict[str, float] = {}
    asked: dict[str, float] = {}
    for line in text.splitlines():
        step, _, sizes = line.partition("|")
        resident, _, requested = sizes.partition("|")
        job_id = step.partition(".")[0]
        if (size := _mb(resident)) is not None:
            used[job_id] = max(size, used.get(job_id, 0.0))
        if (size := _mb(requested)) is not None:
            asked[job_id] = size
    return {
        job_id: f"; seen to use {size:.0f}M"
        + (f" of {asked[job_id]:.0f}M" if job_id in asked else "")
        for job_id, size in used.items()
    }


def _is_memory_kill(status: JobStatus, log: Path) -> bool:
    if status.phase is not JobPhase.ENDED or status.ok:
        return False
    if status.cause is Cause.OUT_OF_MEMORY:
        return True
    return status.cause is Cause.KILLED and tells_memory_kill(_tail(log))


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def _memory_use(job_ids: list[str]) -> dict[str, str]:
    try:
        text = ask(["sacct", "-n", "-P", "-j", ",".join(job_ids), "-o", "JobID,MaxRSS,ReqMem"])
    except PollError:
        return {}  # the kill is known without it
    return read_memory_use(text)


def _mb(text: str) -> float | None:
    """Megabytes; None for what is no size of a node's memory (such as 4Gc, per core)."""
    match = _SIZE.fullmatch(text.strip())
    return None if match is None else float(match[1]) * _MB_PER_UNIT[match[2]]
