"""Campaigns on the real SLURM of the tests, each with some of the faults of a cluster.

Wants SLURM_CONF of `tests/slurm/start_cluster.sh`, and leaves that cluster healthy.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path

from chaos.audit import Auditor, Findings
from chaos.slurm_campaign import Campaign
from chaos.slurm_faults import FAULTS, lossy_programs, start_cluster, stop_daemon
from chaos.training import CODES, available, chosen

LIMIT_S, KILL_S = 330.0, 30.0  # of a campaign, and for each fault on top


def run(
    folder: Path,
    seed: int,
    kills: int,
    faults: tuple[str, ...] | None = None,
    name: str | None = None,
) -> tuple[Counter[str], Findings]:
    """One campaign with up to `kills` faults.

    In every third, slurmdbd is stopped at the start (a fault that restarts daemons brings it back);
    every third has a manager on this machine whose squeue and sbatch lose answers.
    """
    dice = random.Random(seed)
    name = name or chosen(dice, available())
    if faults is None:
        # A process that is killed for itself fails its trial by design: not of these codes.
        faults = tuple(fault for fault in FAULTS if name == "loop" or fault != "seat killed")
    asha = bool(seed % 2)  # most of its trials end at the first rung
    more: dict[str, object] = {"scheduler": "asha"} if asha else {}
    if seed % 4 >= 2:
        more["trials_per_job"] = "auto"
    trials = 72 if asha and name == "loop" else 24
    campaign = Campaign(folder, trials=trials, more=more | CODES[name].settings, code=name)
    done: Counter[str] = Counter()
    as_job = seed % 3 != 2
    if not as_job:
        campaign.path = str(lossy_programs(folder / "bin"))
    try:
        if seed % 3 == 1:
            stop_daemon("slurmdbd", signal.SIGTERM)
            done["campaign without slurmdbd"] += 1
        auditor = Auditor(campaign.output)
        campaign.start(as_job=as_job)
        _drive(campaign, auditor, dice, kills, done, faults, as_job=as_job)
        for program in ("squeue", "sbatch"):
            lost = folder / "bin" / f"{program}.lost"
            if lost.exists():
                done[f"{program} lost its answer"] += len(lost.read_text().splitlines())
        found = auditor.findings()
        if name != "loop":
            found.failed_by_kill += [f"{folder}: {name}, a trial"] * found.failed
        return Counter({f"{name}: {what}": count for what, count in done.items()}), found
    finally:
        campaign.clean_up()
        start_cluster()


def _drive(
    campaign: Campaign,
    auditor: Auditor,
    dice: random.Random,
    kills: int,
    done: Counter[str],
    faults: tuple[str, ...],
    *,
    as_job: bool,
) -> None:
    deadline = time.monotonic() + LIMIT_S + KILL_S * kills
    left = kills
    while not campaign.ended() and time.monotonic() < deadline:
        time.sleep(dice.uniform(2.0, 6.0) if left else 1.0)
        if not campaign.manager_lives() and not campaign.ended():
            campaign.start(as_job=as_job)  # as a user does whom it told how to go on
        if not left or not (campaign.output / "manager.json").exists() or not campaign.running():
            continue
        name = dice.choice(faults)
        auditor.before_kill()
        try:
            happened = FAULTS[name](campaign, dice)
        except (ProcessLookupError, RuntimeError):
            happened = False  # it had ended by itself
        done[name] += happened
        left -= happened
