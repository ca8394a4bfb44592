"""Which job this process is: SLURM's, a local process of the manager's, or one started by hand.

Reads the environment only.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JobIdentity:
    """One job; `restarts` counts its former lives under the same id."""

    job_id: str
    restarts: int
    host: str
    on_slurm: bool


def this_job(environ: Mapping[str, str] = os.environ) -> JobIdentity:
    """The job that this process runs in."""
    host = environ.get("SLURMD_NODENAME") or socket.gethostname()
    restarts = int(environ.get("SLURM_RESTART_COUNT") or 0)
    if "HPO_JOB_ID" in environ:
        return JobIdentity(environ["HPO_JOB_ID"], restarts, host, on_slurm=False)
    if "SLURM_ARRAY_JOB_ID" in environ:
        job_id = f"{environ['SLURM_ARRAY_JOB_ID']}_{environ['SLURM_ARRAY_TASK_ID']}"
        return JobIdentity(job_id, restarts, host, on_slurm=True)
    if "SLURM_JOB_ID" in environ:
        return JobIdentity(environ["SLURM_JOB_ID"], restarts, host, on_slurm=True)
    name = "".join(c if c.isalnum() else "-" for c in host)
    return JobIdentity(f"hand-{name}-{os.getpid()}", 0, host, on_slurm=False)
