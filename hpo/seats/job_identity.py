"""Which job this process is: SLURM's, a local process of the manager's, or one started by hand.

Reads the environment only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

SEAT_MIN = "HPO_SEAT_MIN"  # exported by a seat's script, see `slurm_request`


@dataclass(frozen=True, slots=True)
class JobIdentity:
    """One job; `restarts` counts its former lives under the same id.

    `mem_mb` is the memory that it may use (MB); 0: nobody says how much. `time_min` is the time
    limit that its seat was asked for with (min), which a partition or a maintenance may have cut;
    0: nobody says.
    """

    job_id: str
    restarts: int
    host: str
    on_slurm: bool
    mem_mb: int = 0
    time_min: int = 0


def this_job(environ: Mapping[str, str] = os.environ) -> JobIdentity:
    """The job that this process runs in."""
    host = environ.get("SLURMD_NODENAME") or os.uname().nodename
    restarts = int(environ.get("SLURM_RESTART_COUNT") or 0)
    if "HPO_JOB_ID" in environ:
        return JobIdentity(environ["HPO_JOB_ID"], restarts, host, on_slurm=False)
    if "SLURM_ARRAY_JOB_ID" in environ:
        job_id = f"{environ['SLURM_ARRAY_JOB_ID']}_{environ['SLURM_ARRAY_TASK_ID']}"
        return JobIdentity(job_id, restarts, host, True, _memory_mb(environ), _time_min(environ))
    if "SLURM_JOB_ID" in environ:
        job_id = environ["SLURM_JOB_ID"]
        return JobIdentity(job_id, restarts, host, True, _memory_mb(environ), _time_min(environ))
    name = "".join(c if c.isalnum() else "-" for c in host)
    return JobIdentity(f"hand-{name}-{os.getpid()}", 0, host, on_slurm=False)


def _time_min(environ: Mapping[str, str]) -> int:
    """What the seat's own script says; SLURM tells a job's limit only in some versions."""
    try:
        return max(0, int(environ.get(SEAT_MIN, "0")))
    except ValueError:
        return 0


def _memory_mb(environ: Mapping[str, str]) -> int:
    """What SLURM gave the job on its node; it tells a whole node as 0."""
    try:
        if "SLURM_MEM_PER_NODE" in environ:
            return int(environ["SLURM_MEM_PER_NODE"])
        per_cpu = int(environ.get("SLURM_MEM_PER_CPU", "0"))
        return per_cpu * int(environ.get("SLURM_CPUS_ON_NODE", "1"))
    except ValueError:
        return 0
