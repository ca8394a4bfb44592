"""How many processes of this job the kernel has killed because its memory ran out.

The kernel kills the largest process, which may be a training script or a loader of data, while the
job itself lives on and sees only that one of them is gone. Reads the counter of the job's own
control group; standard library only.
"""

from __future__ import annotations

import re
from pathlib import Path

OWN_GROUPS = Path("/proc/self/cgroup")
GROUPS = Path("/sys/fs/cgroup")


def oom_kills() -> int:
    """Processes killed so far; 0 where no control group tells, as before Linux 4.13."""
    try:
        lines = OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    for line in lines:
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if not controllers:  # version 2 has one tree for all
            found = _counter(GROUPS / path.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            found = _counter(GROUPS / "memory" / path.lstrip("/") / "memory.oom_control")
        else:
            continue
        if found is not None:
            return found
    return 0


def _counter(path: Path) -> int | None:
    try:
        match = re.search(r"(?m)^oom_kill (\d+)$", path.read_text(encoding="utf-8"))
    except OSError:
        return None
    return int(match[1]) if match else None
