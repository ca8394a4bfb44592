"""Campaigns of real processes on this machine: kill -9 and SIGTERM to managers and seats."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
from user_project import Project, user_project

from chaos.audit import Auditor, Findings
from chaos.training import CODES, available, chosen

SPACE = '{"lr": loguniform(1e-4, 1.0), "max_epochs": 9}'
EPOCH_S = 0.15
LIMIT_S, KILL_S = 240.0, 20.0  # of a campaign, and for each kill on top


def run(folder: Path, seed: int, kills: int) -> tuple[Counter[str], Findings]:
    """One campaign, random search or ASHA, with at most `kills` kills."""
    return _campaign(folder, seed, kills, "loop")


def run_training(
    folder: Path, seed: int, kills: int, name: str | None = None
) -> tuple[Counter[str], Findings]:
    """The same with a training code as people have it, by default any.

    Managers are killed; seats are asked to leave as SLURM asks them: all of their processes at
    once. None of that may fail a trial.
    """
    name = name or chosen(random.Random(seed), available())
    done, found = _campaign(folder, seed, kills, name)
    found.failed_by_kill += [f"{folder}: {name}, a trial"] * found.failed
    return Counter({f"{name}: {what}": count for what, count in done.items()}), found


def _campaign(folder: Path, seed: int, kills: int, name: str) -> tuple[Counter[str], Findings]:
    dice, code = random.Random(seed), CODES[name]
    folder.mkdir(parents=True)
    searchers: list[dict[str, Any]] = [{}, {"scheduler": "asha"}]
    with user_project(folder) as project:
        project.write(
            code.written(folder, EPOCH_S),
            space=SPACE,
            n_trials=8,
            max_concurrent_jobs=3,
            seed=seed,
            checkpoint_interval=2,
            max_initial_failures=0,  # because killed trials fail, and that is meant here
            trials_per_job="auto" if seed % 4 >= 2 else 1,
            **code.settings,
            **searchers[seed % 2],
        )
        auditor = Auditor(project.output)
        done = _drive(project, auditor, dice, kills, mild=name != "loop")
        return done, auditor.findings()


def _drive(
    project: Project, auditor: Auditor, dice: random.Random, kills: int, *, mild: bool = False
) -> Counter[str]:
    done: Counter[str] = Counter()
    deadline = time.monotonic() + LIMIT_S + KILL_S * kills
    manager = project.start()
    while time.monotonic() < deadline:
        time.sleep(dice.uniform(0.1, 1.2))
        if manager.poll() == 0:
            return done
        if manager.poll() is not None:
            manager = project.start()
            continue
        # A manager that dies before it has begun leaves nothing that could be lost.
        if done.total() >= kills or not (project.output / "journal.jsonl").exists():
            continue
        auditor.before_kill()
        whom, how = dice.choice(["manager", "seat"]), dice.choice(["killed", "terminated"])
        if mild and whom == "seat":
            how = "asked to leave"
        sign = signal.SIGKILL if how == "killed" else signal.SIGTERM
        what = f"{whom} {how}"
        if whom == "manager":
            manager.send_signal(sign)
            manager.wait()
            done[what] += 1
            time.sleep(dice.choice([0.0, 0.5]))  # seats may go on, or end, with nobody there
            manager = project.start()
        elif seats := _seats(project):
            seat = dice.choice(seats)
            done[what] += all([_send(each, sign) for each in _family(seat, whole=mild)][:1])
    manager.kill()
    manager.wait()
    return done


def _seats(project: Project) -> list[psutil.Process]:
    """The processes that serve this campaign."""
    root = str(project.output)
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(w.endswith("hpo/job/start.py") for w in words) and words[-1] == root:
            found.append(process)
    return found


def _family(process: psutil.Process, *, whole: bool) -> list[psutil.Process]:
    """The process, and with `whole` all that it started."""
    try:
        return [process, *process.children(recursive=True)] if whole else [process]
    except psutil.Error:
        return [process]


def _send(process: psutil.Process, sign: signal.Signals) -> bool:
    try:
        process.send_signal(sign)
    except psutil.Error:
        return False
    return True
