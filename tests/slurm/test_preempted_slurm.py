"""Six trials preempted at once on a real SLURM, which signals every process of their jobs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

SETTINGS = """
def get_config_space():
    return {"lr": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], "max_epochs": 12}

def get_slurm_config():
    return {"partition": "main", "time": "0:10:00", "mem": "500M", "gpus": 1}

def get_hpo_config():
    return {"n_trials": 6, "max_concurrent_jobs": 6, "output_dir": "results here",
            "poll_interval": 3, "claim_timeout": 10, "result_grace": 3%s}
"""
# As a data loader: processes of its own do the work, and an exception tells that one was killed.
OBJECTIVE = """
import os, time
def objective(config, trial):
    state = {"n": 0}
    trial.restore(state=state)
    for epoch in trial.epochs():
        worker = os.fork()
        if worker == 0:
            time.sleep(1.0)
            os._exit(0)
        status = os.waitpid(worker, 0)[1]
        if status:
            raise RuntimeError(f"worker {worker} is killed by signal {os.WTERMSIG(status)}")
        trial.report(epoch=epoch, validation_error=config["lr"] / epoch)
"""
SCRIPT = """
import argparse, time
from hpo import Reporter
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--max_epochs", type=int)
args = parser.parse_args()
report = Reporter()
for epoch in range(1, args.max_epochs + 1):
    time.sleep(1.0)
    report(epoch=epoch, validation_error=args.lr / epoch)
"""


@pytest.mark.parametrize("kind", ["objective", "script"])
def test_six_at_once_are_all_offered_again(slurm: RealSlurm, tmp_path: Path, kind: str) -> None:
    project = Project(tmp_path / "project", n_trials=6)
    (project.folder / "train.py").write_text(SCRIPT)
    text = SETTINGS % "" + OBJECTIVE
    if kind == "script":
        text = SETTINGS % ', "entry_point": "train.py"'
    (project.folder / "search.py").write_text(text)
    command = [sys.executable, "-m", "hpo", "run", "--config", "search.py"]
    with (tmp_path / "log").open("w") as log:
        manager = subprocess.Popen(command, cwd=project.folder, stdout=log, stderr=log)
    try:
        trials = project.output / "trials"
        first = "trial_*/reports-a0.jsonl"
        wait_until(lambda: len(list(trials.glob(first))) == 6, 120, "six trials have reported")
        claims = [claim.name for claim in (project.output / "claims").glob("*.job_*.json")]
        jobs = [name.split(".job_")[1].split(".")[0] for name in claims if ".done" not in name]
        slurm.run("scontrol", "requeue", ",".join(jobs))
        assert manager.wait(timeout=240) == 0, (tmp_path / "log").read_text()
    finally:
        manager.kill()
        manager.wait()
    results = project.results()
    assert [result["status"] for result in results] == ["completed"] * 6
    assert sum(result["attempt"] > 0 for result in results) >= len(jobs) >= 5
    assert " failed" not in (tmp_path / "log").read_text()
    if kind == "objective":  # which saves: it trained no epoch that was saved again
        assert all(r["reports"][-1]["epoch"] == len(r["reports"]) == 12 for r in results)
        for result in results:
            own = trials / f"trial_{result['trial_id']}" / f"reports-a{result['attempt']}.jsonl"
            first = json.loads(own.read_text().splitlines()[0])["epoch"]
            assert first > 1 or result["attempt"] == 0
