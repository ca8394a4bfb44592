"""A node of a real SLURM is given up while trials run there: it is blamed, and they go on."""

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

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.long, pytest.mark.alone]

CONFIG = """
import os, time
from hpo import choice

def get_config_space():
    return {"number": choice([0, 1]), "max_epochs": 12}

def get_slurm_config():
    return {"partition": "main", "time": "0:10:00", "mem": "500M", "gpus": 1}

def get_hpo_config():
    return {"n_trials": 2, "max_concurrent_jobs": 2, "output_dir": "results here", "seed": 7,
            "claim_timeout": 10, "result_grace": 5}

def objective(config, trial):
    state = {"epoch": 0}
    trial.restore(state=state)
    for epoch in trial.epochs():
        # The second one reports too seldom to save before it is killed.
        time.sleep(30 if trial.trial_id == 1 and trial.attempt == 0 and epoch == 2 else 0.7)
        state["epoch"] = epoch
        trial.report(epoch=epoch, validation_error=1 / epoch)
"""


def events(project: Project, kind: str) -> list[dict[str, Any]]:
    path = project.output / "journal.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [r for r in map(json.loads, lines) if r.get("event") == kind]


def test_a_failed_node_is_no_preemption(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    (project.folder / "search.py").write_text(CONFIG)
    command = [sys.executable, "-m", "hpo", "run", "--config", "search.py"]
    with subprocess.Popen(command, cwd=project.folder, stderr=subprocess.PIPE, text=True) as run:
        reports = [project.output / f"trials/trial_{i}/reports-a0.jsonl" for i in (0, 1)]
        wait_until(lambda: all(path.exists() for path in reports), 60, "both have reported")
        begun = project.output / "trials" / "trial_1" / "attempt-a0.json"
        node = json.loads(begun.read_text())["host"]
        slurm.run("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        time.sleep(3)
        subprocess.run(
            ["scontrol", "update", f"nodename={node}", "state=resume"],
            check=False,  # refused where it has come back by itself
            capture_output=True,
        )
        said = run.communicate(timeout=200)[1]
    final = project.final()
    assert final is not None, said
    (lost,) = events(project, "LegLost")
    assert (lost["trial_id"], lost["cause"], lost["node"]) == (1, "node_failed", node), said
    assert "NODE_FAIL" in lost["message"]
    saved = [leg for leg in events(project, "LegFinished") if leg["outcome"] == "interrupted"]
    assert [(leg["trial_id"], leg["cause"], leg["node"]) for leg in saved] == [
        (0, "node_failed", node)
    ], said
    assert [r["status"] for r in project.results()] == ["completed"] * 2
    why = [sys.executable, "-m", "hpo", "why", "results here"]
    for trial in ("0", "1"):
        told = subprocess.run([*why, trial], cwd=project.folder, capture_output=True, text=True)
        assert "NODE_FAIL" in told.stdout
        assert "preempted" not in told.stdout
