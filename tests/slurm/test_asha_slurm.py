"""ASHA on a real SLURM: every promoted trial goes on from its checkpoint, on another job."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from campaigns import Project
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

CONFIG = """
import os
from hpo import loguniform

def get_config_space():
    return {"lr": loguniform(1e-4, 1.0), "max_epochs": 27}

def get_slurm_config():
    return {"partition": "main", "time": "0:10:00", "mem": "500M", "gpus": 1}

def get_hpo_config():
    return {"n_trials": 81, "max_concurrent_jobs": 8, "output_dir": "results here", "seed": 3,
            "poll_interval": 5, "claim_timeout": 10, "result_grace": 5,
            "scheduler": {"type": "asha", "max_t": 27, "grace_period": 1, "reduction_factor": 3}}

def objective(config, trial):
    model = {"steps": 0, "error": 1.0}
    stands_at = trial.restore(model=model)
    job = os.environ["SLURM_ARRAY_JOB_ID"] + "_" + os.environ["SLURM_ARRAY_TASK_ID"] \\
        if "SLURM_ARRAY_JOB_ID" in os.environ else os.environ["SLURM_JOB_ID"]
    log = os.open("epochs.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for epoch in trial.epochs():
        model["steps"] += 1
        model["error"] *= 1.0 - 0.5 * config["lr"]
        os.write(log, f"{trial.trial_id} {epoch} {model['steps']} {stands_at} {job}\\n".encode())
        trial.report(epoch=epoch, validation_error=model["error"])
"""


def test_eighty_one_trials_are_promoted_from_checkpoint_to_checkpoint(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=81)
    (project.folder / "search.py").write_text(CONFIG)
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [line.split() for line in (project.folder / "epochs.txt").read_text().splitlines()]
    epochs = Counter((int(trial), int(epoch)) for trial, epoch, *_ in lines)
    assert set(epochs.values()) == {1}  # no epoch was trained twice
    assert all(epoch == steps for _, epoch, steps, *_ in lines)  # the state went on with it
    jobs: dict[str, set[str]] = {}
    for trial, _, _, _, job in lines:
        jobs.setdefault(trial, set()).add(job)
    reached = {r["trial_id"]: r["resource"] for r in project.results()}
    levels = [1, 3, 9, 27]
    assert set(reached.values()) <= set(levels)
    for trial, resource in reached.items():
        assert len(jobs[str(trial)]) == levels.index(resource) + 1  # each leg on a job of its own
    counts = [sum(r >= level for r in reached.values()) for level in levels]
    assert counts[0] == 81
    assert counts[1] >= 27
    assert counts[2] >= 9
    assert counts[3] >= 3
    final = json.loads((project.output / "final_results.json").read_text())
    assert (
        final["best_trial_id"]
        == max((r for r in project.results()), key=lambda r: (r["resource"], r["config"]["lr"]))[
            "trial_id"
        ]
    )
    best = project.output / "trials" / f"trial_{final['best_trial_id']}" / "checkpoint"
    assert list(best.glob("epoch_*"))
    kept = list(project.output.glob("trials/trial_*/checkpoint/epoch_*"))
    assert len({path.parent for path in kept}) < 81 // 2  # the hopeless ones' are gone
    assert "rung" in done.stdout
