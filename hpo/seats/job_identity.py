"""Which job this process is: SLURM's, a local process of the manager's, or one started by hand.

Reads the environment only, and the clock once, to tell when its time is over.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import NamedTuple

from hpo.seats.wall_time import JobTime


class JobIdentity(NamedTuple):
    """One job; `restarts` counts its former lives under the same id.

    `mem_mb` is the memory that it may use (MB); None: nobody says how much. `time` is what it knows
    of its own time.
    """

    job_id: str
    restarts: int
    host: str
    on_slurm: bool
    mem_mb: int | None = None
    time: JobTime = JobTime()


def this_job(environ: Mapping[str, str] = os.environ) -> JobIdentity:
    """The job that this process runs in."""
    host = environ.get("SLURMD_NODENAME") or os.uname().nodename
    restarts = int(environ.get("SLURM_RESTART_COUNT") or 0)
    if "HPO_JOB_ID" in environ:
        job_id, on_slurm = environ["HPO_JOB_ID"], False
    elif "SLURM_ARRAY_JOB_ID" in environ:
        job_id = f"{environ['SLURM_ARRAY_JOB_ID']}_{environ['SLURM_ARRAY_TASK_ID']}"
        on_slurm = True
    elif "SLURM_JOB_ID" in environ:
        job_id, on_slurm = environ["SLURM_JOB_ID"], True
    else:
        name = "".join(c if c.isalnum() else "-" for c in host)
        job_id, restarts, on_slurm = f"hand-{name}-{os.getpid()}", 0, False
    memory_mb = _memory_mb(environ) if on_slurm else None
    ahead_s = time.time() - time.monotonic()
    job_time = JobTime.read(environ, on_slurm=on_slurm, ahead_s=ahead_s)
    return JobIdentity(job_id, restarts, host, on_slurm, memory_mb, job_time)


def _memory_mb(environ: Mapping[str, str]) -> int | None:
    """What SLURM gave the job on its node; it tells a whole node as 0."""
    try:
        if "SLURM_MEM_PER_NODE" in environ:
            return int(environ["SLURM_MEM_PER_NODE"]) or None
        per_cpu = int(environ.get("SLURM_MEM_PER_CPU", "0"))
        return per_cpu * int(environ.get("SLURM_CPUS_ON_NODE", "1")) or None
    except ValueError:
        return None
