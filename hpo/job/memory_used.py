"""How much memory this job has used at most, as the kernel tells.

A control group counts all processes of the job, and the files that they read and the kernel still
keeps: never too little. Only a group of the job itself counts, not that of a whole machine or
container. Without one, the largest resident size of this process and of its children that have
ended. Reads files of the kernel only; standard library only, because every job imports it.
"""

from __future__ import annotations

import os
import re
import resource
import sys
from collections.abc import Mapping
from pathlib import Path

OWN_GROUPS = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


def used_mb(environ: Mapping[str, str] = os.environ) -> int:
    """The most memory (MB) that the job has used so far; 0: nobody tells."""
    return _of_group(environ.get("SLURM_JOB_ID", "")) or _of_processes()


def _of_group(job_id: str) -> int:
    """What the control group of the SLURM job counted; 0 where there is none."""
    try:
        lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        # Below it are the step and the task; a step has no limit of its own, the job has.
        match = re.match(rf"(/.*/job_{re.escape(job_id)})(/|$)", path) if job_id else None
        if match is None:
            continue
        group = match[1].lstrip("/")
        if not controllers:  # version 2 has one tree for all; memory.peak since Linux 5.19
            found = _bytes(GROUPS / group / "memory.peak")
        elif "memory" in controllers.split(","):
            found = _bytes(GROUPS / "memory" / group / "memory.max_usage_in_bytes")
        else:
            continue
        if found:
            return -(-found // 2**20)
    return 0


def _bytes(path: Path) -> int:
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0


def _of_processes() -> int:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    unit = 2**20 if sys.platform == "darwin" else 1024  # bytes there, else KiB
    return -(-(own + children) // unit)
