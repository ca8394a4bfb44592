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
from hpo.record.requests import Enqueue, Extend, Request, RetryTrials, StopTrial

TAKEN = {
    "LegLost": "jobs lost",
    "LegReturned": "jobs requeued",
    "StopAsked": "trials stopped",
    "RetryAsked": "trials retried",
    "PointsEnqueued": "points enqueued",
    "CampaignExtended": "campaigns extended",
}


def objective(config: dict[str, Any], trial: Any) -> None:
    """Saves each epoch, so that one that was told to count is never trained again."""
    state = {"epoch": 0}
    trial.restore(state=state)
    for epoch in trial.epochs():
        state["epoch"] = epoch
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.03) + 1.0 / epoch)


def wishes(dice: random.Random) -> list[Request]:
    """What people ask for meanwhile, some of which cannot be done."""
    who, made = "hal", list[Request]()
    for _ in range(dice.randrange(8)):
        when, trials = dice.uniform(0.0, 3000.0), [dice.randrange(14) for _ in range(3)]
        point = {"lr": dice.choice([0.001, 0.03, 0.3]), "width": dice.randrange(8, 40)}
        kinds: list[Request] = [
            StopTrial(trials[0], who, when),
            RetryTrials(trials, who, when, from_start=dice.random() < 0.5),
            Enqueue([point], who, when),
            Extend(who, when, more_trials=1),
            Extend(who, when, max_t=dice.choice([9, 12, 27])),
        ]
        made.append(dice.choice(kinds))
    return made


def run(root: Path, seed: int, crashes: int) -> tuple[Counter[str], Findings]:
    """One campaign with `crashes` dead managers; random search, ASHA and its stopping variant."""
    dice = random.Random(seed)
    model = ClusterModel(
        seats=4, queue_wait_s=60.0, preemption_rate=0.2, failure_rate=0.1, seed=seed
    )
    asha = (
        None,
        Asha(max_t=9, reduction_factor=3, max_resource_attr="max_epochs"),
        Asha(max_t=9, reduction_factor=3, stopping=True, max_resource_attr="max_epochs"),
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
    for request in wishes(random.Random(seed)):
        campaign.ask_at(request.time, request)
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
