"""What a job does whose Python has started and cannot import what it needs: it waits, tries again.

Run by its path, because the package may be what is missing. The same as `hpo_failed` in the shell
words of `hpo.seats.start_script`, which knows nothing of a Python once it runs. Standard library
only.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 600
PAUSE_S = 10


def try_again(mark: str, root: str, why: str) -> None:
    """Write the failed start down, and run this program anew; returns where that is in vain."""
    now = int(time.time())
    since = int(os.environ.setdefault("HPO_START_SINCE", str(now)))
    tries = int(os.environ.get("HPO_START_TRY") or 1)
    os.environ["HPO_START_TRY"] = str(tries + 1)
    why = " ".join(why.split())
    node, _, job = Path(mark).name.rpartition(".")
    told = (
        f"kind imports\nnode {node}\njob {job}\nsince {since}\nlast {now}\n"
        f"tries {tries}\nwhy {why}\nsaid \n"
    )
    try:
        Path(f"{mark}.tmp").write_text(told, encoding="utf-8", errors="replace")
        Path(f"{mark}.tmp").replace(mark)
    except OSError as err:
        _say(f"a failed start cannot be written down: {err}")
    _say(f"start {tries} on {node} failed: {why}")
    if now - since >= PATIENCE_S:
        return
    time.sleep(PAUSE_S)
    if os.path.exists(f"{root}/leave") or os.path.exists(f"{root}/stop.json"):
        return
    if node in _nodes_to_leave(root):
        _say(f"no more jobs start on {node} for now: this job goes back into the queue")
        requeue = ["scontrol", "requeue", os.environ.get("SLURM_JOB_ID", "")]
        if subprocess.call(requeue, timeout=60) == 0:
            time.sleep(60)
        return
    os.environ["HPO_START_MARK"] = mark
    os.execv(sys.executable, [sys.executable, "-u", *sys.argv])


def _nodes_to_leave(root: str) -> list[str]:
    try:
        return Path(root, "jobs", "starts", "leave").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)  # noqa: T201  # because there may be no logging
