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
from dataclasses import dataclass
from pathlib import Path

from chaos import slurm_faults
from chaos.audit import Auditor
from chaos.slurm_campaign import ROOT, Campaign, slurm

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
    slurm_faults.fail_node(campaign, random.Random(0))


def _node_lost(campaign: Campaign) -> None:
    slurm_faults.lose_node(campaign, random.Random(0))


def _controller_away(campaign: Campaign) -> None:
    slurm_faults.stop_controller(campaign, random.Random(0), away_s=120.0)


def _manager_killed(campaign: Campaign) -> None:
    os.kill(campaign.manager_pid(), 9)


def _manager_node_lost(campaign: Campaign) -> None:
    slurm_faults.lose_node_of_manager(campaign)


def _two_managers(campaign: Campaign) -> None:
    """A second and a third one, on nodes of their own, while the first has just started."""
    for _ in range(2):
        first = campaign.manager_job
        campaign.start()
        campaign.manager_job = first


def _squeue_hangs(campaign: Campaign) -> None:
    hangs = Path(campaign.path) / "hangs"
    hangs.touch()
    time.sleep(100.0)
    hangs.unlink()


@dataclass(frozen=True)
class Row:
    """A fault, a setting of the partition, and what the trials are like.

    `settle_s` after eight trials have started, all of them train; None: as soon as a job runs.
    """

    fault: Callable[[Campaign], None]
    setting: str = ""
    import_s: float = 0.0
    save_s: float = 0.0
    settle_s: float | None = SETTLE_S
    as_job: bool = True


ROWS = {
    "preempted, requeued": Row(_preempted),
    "preempted, 15 s of grace": Row(_preempted, "GraceTime=15"),
    "preempted, cancelled": Row(_preempted, "PreemptMode=CANCEL"),
    "preempted twice": Row(_preempted_twice),
    "preempted as it starts": Row(_preempted, settle_s=None),
    "preempted in its imports": Row(_preempted, import_s=8.0, settle_s=1.0),
    "preempted while it saves": Row(_preempted, save_s=8.0),
    "node failed": Row(_node_failed),
    "node lost, processes live": Row(_node_lost),
    "manager's node lost": Row(_manager_node_lost),
    "three managers at once": Row(_two_managers, settle_s=None),
    "slurmctld away 2 min": Row(_controller_away),
    "squeue hangs": Row(_squeue_hangs, as_job=False),
    "manager killed": Row(_manager_killed),
}


def main(names: list[str]) -> int:
    """Print the rows; 1 if the auditor found a fault."""
    os.environ["PYTHONPATH"] = str(ROOT)
    bad = 0
    with tempfile.TemporaryDirectory(prefix="hpo-rows-") as folder:
        for number, name in enumerate(names or ROWS):
            bad += _row(name, Path(folder) / str(number))
    return bad > 0


def _row(name: str, folder: Path) -> int:
    row = ROWS[name]
    campaign = Campaign(
        folder, trials=14, epochs=10, epoch_s=1.5, import_s=row.import_s, save_s=row.save_s
    )
    if not row.as_job:
        campaign.path = str(slurm_faults.hanging_squeue(folder / "bin"))
    auditor = Auditor(campaign.output)
    try:
        if row.setting:
            slurm("scontrol", "update", "partition=main", row.setting)
        campaign.start(as_job=row.as_job)
        if row.settle_s is None:
            _wait(lambda: slurm("squeue", "-h", "-r", "-t", "R", "-w", "gpu1", "-o", "%j"), 60)
        else:
            _wait(lambda: len(_attempts(campaign)) >= 8, 60)
            time.sleep(row.settle_s)
        auditor.before_kill()
        before, at = _attempts(campaign), time.time()
        row.fault(campaign)
        _wait(campaign.ended, 280)
        found = auditor.findings()
    finally:
        if row.setting:
            slurm("scontrol", "update", "partition=main", "GraceTime=0", "PreemptMode=REQUEUE")
        campaign.clean_up()
        slurm_faults.start_cluster()
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
    for path in campaign.output.glob("trials/*/result-a*.json"):
        told = json.loads(path.read_text())["additional_info"]
        name = path.name.replace("result", "attempt")
        starts[path.parent.name, name] = float(told["start_time"])
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
