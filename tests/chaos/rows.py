"""One fault at a time on the real SLURM, and what the campaign made of it: rows of a table.

`python -m chaos.rows [NAME …]`: epochs that were trained again, and the seconds until each trial
that the fault hit was trained on.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from chaos import on_slurm
from chaos.audit import Auditor
from chaos.on_slurm import Campaign, slurm

SETTLE_S = 9.0  # all seats train


def _owner_takes(node: str = "gpu1") -> None:
    options = ["-p", "owner", "-w", node, "--gres=gpu:2", "-t", "1", "-o", "/dev/null"]
    slurm("sbatch", "--parsable", *options, "--wrap=sleep 2")


def _preempted(campaign: Campaign) -> None:
    del campaign
    _owner_takes()


def _preempted_twice(campaign: Campaign) -> None:
    _preempted(campaign)
    time.sleep(22)
    _preempted(campaign)


def _node_failed(campaign: Campaign) -> None:
    on_slurm.fail_node(campaign, random.Random(0))


def _node_lost(campaign: Campaign) -> None:
    on_slurm.lose_node(campaign, random.Random(0))


def _controller_away(campaign: Campaign) -> None:
    on_slurm.stop_controller(campaign, random.Random(0), away_s=120.0)


def _manager_killed(campaign: Campaign) -> None:
    os.kill(campaign.manager_pid(), 9)


ROWS: dict[str, tuple[Callable[[Campaign], None], str]] = {  # and a setting of the partition
    "preempted, requeued": (_preempted, ""),
    "preempted, 15 s of grace": (_preempted, "GraceTime=15"),
    "preempted, cancelled": (_preempted, "PreemptMode=CANCEL"),
    "preempted twice": (_preempted_twice, ""),
    "node failed": (_node_failed, ""),
    "node lost, processes live": (_node_lost, ""),
    "slurmctld away 2 min": (_controller_away, ""),
    "manager killed": (_manager_killed, ""),
}


def main(names: list[str]) -> int:
    """Print the rows; 1 if the auditor found a fault."""
    os.environ["PYTHONPATH"] = str(on_slurm.ROOT)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="hpo-rows-") as folder:
        for number, name in enumerate(names or ROWS):
            bad += _row(name, Path(folder) / str(number))
    return bad > 0


def _row(name: str, folder: Path) -> int:
    fault, setting = ROWS[name]
    campaign = Campaign(folder, trials=14, epochs=10, epoch_s=1.5)
    auditor = Auditor(campaign.output)
    try:
        if setting:
            slurm("scontrol", "update", "partition=main", setting)
        campaign.start()
        _wait(lambda: len(_attempts(campaign)) >= 8, 60)
        time.sleep(SETTLE_S)
        auditor.before_kill()
        before, at = _attempts(campaign), time.time()
        fault(campaign)
        _wait(campaign.ended, 280)
        found = auditor.findings()
    finally:
        if setting:
            slurm("scontrol", "update", "partition=main", "GraceTime=0", "PreemptMode=REQUEUE")
        campaign.clean_up()
        on_slurm.start_cluster()
    again = _hit(_attempts(campaign), before, at)
    took = f"{statistics.median(again):.0f} s (up to {max(again):.0f})" if again else "-"
    print(
        f"{name:28} trials hit {len(again):2}, epochs again {found.epochs_again:3} of "
        f"{found.epochs}, trained on after {took}, failed {found.failed}, faults {found.faults}",
        flush=True,
    )
    return len(found.faults)


def _attempts(campaign: Campaign) -> dict[tuple[str, str], float]:
    """When each attempt of each trial started."""
    starts = {}
    for path in campaign.output.glob("trials/*/attempt-a*.json"):
        starts[path.parent.name, path.name] = float(json.loads(path.read_text())["start_time"])
    return starts


def _hit(
    after: dict[tuple[str, str], float], before: dict[tuple[str, str], float], at: float
) -> list[float]:
    running = {trial for trial, _ in before}
    return [start - at for key, start in after.items() if key not in before and key[0] in running]


def _wait(condition: Callable[[], object], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
