"""What a job does whose Python has started and cannot import what it needs: it waits, tries again.

Run by its path, because the package may be what is missing. The same as `hpo_failed` in the shell
words of `hpo.seats.start_script`, which knows nothing of a Python once it runs. Standard library
only, and nothing newer than what the oldest Python that a job may get can read.
"""

import os
import subprocess
import sys
import time

PATIENCE_S = 600
PAUSE_S = 10


def try_again(mark: str, root: str, why: str) -> None:
    """Write the failed start down, and run this program anew; returns where that is in vain."""
    now = int(time.time())
    since = int(os.environ.setdefault("HPO_START_SINCE", str(now)))
    tries = int(os.environ.get("HPO_START_TRY", "1"))
    os.environ["HPO_START_TRY"] = str(tries + 1)
    node, _, job = os.path.basename(mark).rpartition(".")
    words = {"kind": "imports", "node": node, "job": job, "since": since, "last": now}
    words.update(tries=tries, why=" ".join(why.split()), said="")
    try:
        with open(mark + ".tmp", "w", encoding="utf-8", errors="replace") as file:
            file.writelines("%s %s\n" % pair for pair in words.items())
        os.replace(mark + ".tmp", mark)
    except OSError as err:
        print("the failed start cannot be written down: %s" % err, file=sys.stderr)
    print("start %d failed: %s" % (tries, why), file=sys.stderr)
    if now - since >= PATIENCE_S:
        return
    time.sleep(PAUSE_S)
    if os.path.exists(os.path.join(root, "leave")) or os.path.exists(
        os.path.join(root, "stop.json")
    ):
        return
    if node in _nodes_to_leave(root):
        if subprocess.call(["scontrol", "requeue", os.environ.get("SLURM_JOB_ID", "")]) == 0:
            time.sleep(60)
        return
    os.environ["HPO_START_MARK"] = mark
    os.execv(sys.executable, [sys.executable, "-u"] + sys.argv)


def _nodes_to_leave(root: str) -> list:  # type: ignore[type-arg]
    try:
        with open(os.path.join(root, "jobs", "starts", "leave"), encoding="utf-8") as file:
            return file.read().splitlines()
    except (OSError, ValueError):
        return []
