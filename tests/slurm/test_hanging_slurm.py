"""Trials that hang, and one whose job is cancelled while others run, on a real SLURM."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

CONFIG = """
import os, time
from hpo import choice

def get_config_space():
    return {"number": choice(list(range(6))), "max_epochs": 120}

def get_slurm_config():
    return {"partition": "main", "time": "0:10:00", "mem": "500M", "gpus": 1}

def get_hpo_config():
    return {"n_trials": 6, "max_concurrent_jobs": 4, "output_dir": "results here", "seed": 7,
            "poll_interval": 60, "claim_timeout": 10, "result_grace": 5, "hang_after": 6,
            "points_to_evaluate": [{"number": number} for number in range(6)]}

def deadlock():
    while True:
        time.sleep(1000)

def objective(config, trial):
    state = {"epoch": 0}
    trial.restore(state=state)
    # The second one runs until somebody cancels its job.
    for epoch in trial.epochs():
        time.sleep(0.05 if trial.trial_id != 1 else 0.8)
        if trial.trial_id == 0 and epoch == 3:
            deadlock()
        state["epoch"] = epoch
        trial.report(epoch=epoch, validation_error=config["number"] + 1 / epoch)
"""


def events(project: Project, kind: str, trial_id: int) -> list[dict[str, Any]]:
    path = project.output / "journal.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    records = [json.loads(line) for line in lines if line.endswith("}")]
    return [r for r in records if r.get("event") == kind and r.get("trial_id") == trial_id]


def result(project: Project, trial_id: int) -> dict[str, Any]:
    path = project.output / "results" / f"trial_{trial_id}.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_hang_fails_its_trial_on_two_nodes_and_a_cancelled_one_stays_stopped(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project")
    (project.folder / "search.py").write_text(CONFIG)
    command = [sys.executable, "-m", "hpo", "run", "--config", "search.py"]
    with subprocess.Popen(command, cwd=project.folder, stderr=subprocess.PIPE, text=True) as run:
        reports = project.output / "trials" / "trial_1" / "reports-a0.jsonl"
        wait_until(reports.exists, 60, "trial 1 has reported")
        wait_until(lambda: events(project, "LegClaimed", 1), 60, "the manager has seen its job")
        slurm.run("scancel", events(project, "LegClaimed", 1)[0]["job_id"])
        cancelled_at = time.time()
        said = run.communicate(timeout=150)[1]
    final = project.final()
    assert final is not None, said

    # The one that was cancelled had saved, and is not offered again.
    (left,) = events(project, "LegFinished", 1)
    assert (left["outcome"], left["cause"]) == ("interrupted", "cancelled")
    assert left["time"] < cancelled_at + 30
    assert "CANCELLED" in left["message"]
    assert len(events(project, "LegOffered", 1)) == 1
    assert result(project, 1)["status"] == "stopped"

    # The one that hung was ended on one node, then on another, from its checkpoint.
    hung = events(project, "LegFinished", 0)
    assert [leg["cause"] for leg in hung] == ["hung", "hung"], said
    assert len({leg["node"] for leg in hung}) == 2, said
    assert result(project, 0)["cause"] == "hung"
    assert result(project, 0)["resource"] == 2
    for leg in hung:
        log = (project.output / "jobs" / f"{leg['job_id']}_0_log.out").read_text()
        assert "in deadlock" in log
    assert "raise" not in " ".join(line for line in said.splitlines() if "trial 0" in line)
    assert [result(project, i)["status"] for i in range(2, 6)] == ["completed"] * 4


@pytest.mark.long
def test_time_in_which_slurm_suspends_a_job_is_no_hang(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", n_trials=1, epochs=10, epoch_s=0.5)
    path = project.folder / "search.py"
    path.write_text(path.read_text().replace('"seed": 7', '"seed": 7, "hang_after": 4'))
    command = [sys.executable, "-m", "hpo", "run", "--config", "search.py"]
    with subprocess.Popen(command, cwd=project.folder, stderr=subprocess.PIPE, text=True) as run:
        reports = project.output / "trials" / "trial_0" / "reports-a0.jsonl"
        wait_until(reports.exists, 60, "it has reported")
        wait_until(lambda: events(project, "LegClaimed", 0), 60, "the manager has seen its job")
        job_id = events(project, "LegClaimed", 0)[0]["job_id"]
        slurm.run("scontrol", "suspend", job_id)
        time.sleep(12)
        slurm.run("scontrol", "resume", job_id)
        said = run.communicate(timeout=100)[1]
    project.require_all_once()
    assert "hang" not in said
