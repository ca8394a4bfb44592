"""What the kernel tells of this job's memory: the most that it used, and who was killed for it.

A control group counts all processes of the job, and the files that they read and the kernel still
keeps: never too little. What was used counts only from a group of the job itself, not from that of
a whole machine or container; without one, it is the largest resident size of this process and of
its children that have ended. Reads files of the kernel only; standard library only, because every
job imports it.
"""

from __future__ import annotations

import os
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

OWN_GROUPS = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


def used_mb(environ: Mapping[str, str] = os.environ) -> int:
    """The most memory (MB) that the job has used so far; 0: nobody tells."""
    return _of_group(environ.get("SLURM_JOB_ID", "")) or _of_processes()


def oom_kills() -> int:
    """Processes of the job that the kernel has killed so far because its memory ran out.

    It kills the largest, which may be a training script or a loader of data, while the job itself
    lives on and sees only that one of them is gone. 0 where no control group tells, as before
    Linux 4.13.
    """
    for tree, group, is_second in _own_groups():
        path = tree / group / ("memory.events" if is_second else "memory.oom_control")
        match = re.search(r"(?m)^oom_kill (\d+)$", _text(path))
        if match:
            return int(match[1])
    return 0


def _of_group(job_id: str) -> int:
    """What the control group of the SLURM job counted; 0 where there is none."""
    for tree, group, is_second in _own_groups():
        # Below it are the step and the task; a step has no limit of its own, the job has.
        match = re.match(rf"(/.*/job_{re.escape(job_id)})(/|$)", f"/{group}") if job_id else None
        if match is None:
            continue
        # memory.peak since Linux 5.19
        name = "memory.peak" if is_second else "memory.max_usage_in_bytes"
        try:
            found = int(_text(tree / match[1].lstrip("/") / name))
        except ValueError:
            continue
        if found:
            return -(-found // 2**20)
    return 0


def _own_groups() -> Iterator[tuple[Path, str, bool]]:
    """Of each group that counts memory: its tree, its path in it, and whether it is version 2's."""
    for line in _text(OWN_GROUPS).splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:  # version 2 has one tree for all
            yield GROUPS, path.lstrip("/"), True
        elif "memory" in controllers.split(","):
            yield GROUPS / "memory", path.lstrip("/"), False


def _text(path: Path) -> str:
    """Empty where the kernel has no such file."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _of_processes() -> int:
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    unit = 2**20 if sys.platform == "darwin" else 1024  # bytes there, else KiB
    return -(-(own + children) // unit)
