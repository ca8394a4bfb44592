"""Campaigns in virtual time: the manager dies before random steps, the cluster takes jobs.

In every other one the wall clock of the manager's machine is set all the time.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path
from typing import Any
from unittest import mock

from simulation import Campaign, SteppedWall

from chaos.audit import Auditor, Findings
from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha

TAKEN = {"LegLost": "jobs lost", "LegReturned": "jobs requeued"}


def objective(config: dict[str, Any], trial: Any) -> None:
    """Saves each epoch, so that one that was told to count is never trained again."""
    state = {"epoch": 0}
    trial.restore(state=state)
    for epoch in trial.epochs():
        state["epoch"] = epoch
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.03) + 1.0 / epoch)


def run(root: Path, seed: int, crashes: int) -> tuple[Counter[str], Findings]:
    """One campaign with `crashes` dead managers; random search, ASHA and its stopping variant."""
    dice = random.Random(seed)
    model = ClusterModel(
        seats=4, queue_wait_s=60.0, preemption_rate=0.2, failure_rate=0.1, seed=seed
    )
    asha = (
        None,
        Asha(max_t=9, reduction_factor=3),
        Asha(max_t=9, reduction_factor=3, stopping=True),
    )
    campaign = Campaign(
        root,
        model=model,
        n_trials=12,
        seed=seed,
        asha=asha[seed % 3],
        objective=objective,
        downtime_s=dice.choice([0.0, 0.0, 600.0]),
        wall=SteppedWall(random.Random(seed)) if seed % 2 else None,
    )
    if seed % 3:
        campaign.space["max_epochs"] = 9
    auditor = Auditor(root)
    left = crashes

    def next_crash() -> int | None:
        nonlocal left
        auditor.before_kill()
        left -= 1
        return dice.randint(1, 20) if left >= 0 else None

    # What survives a dead process is what was written; syncing guards against dead machines.
    with mock.patch.object(os, "fsync", return_value=None):
        _, happened = campaign.run_crashing(next_crash)
    kills = Counter({"manager crashed": happened})
    if campaign.wall is not None:
        kills["clock set"] = campaign.wall.steps
    for line in campaign.journal_bytes().decode().splitlines():
        for word, what in TAKEN.items():
            kills[what] += f'"event": "{word}"' in line
    return kills, auditor.findings()
