"""Jobs on a real SLURM that ask for what the legs before them needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from campaigns import Project
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

CONFIG = """
import os, time
from hpo import loguniform

def get_config_space():
    return {"lr": loguniform(1e-4, 1.0), "max_epochs": 4}

def get_slurm_config():
    return {"partition": "main", "time": "auto", "max_time": "0:30:00",
            "mem": "auto", "max_mem": "900M", "gpus": 1}

def get_hpo_config():
    return {"n_trials": 32, "max_concurrent_jobs": 4, "output_dir": "results here", "seed": 7,
            "scheduler": {"type": "asha", "max_t": 4, "reduction_factor": 2},
            "poll_interval": 2, "claim_timeout": 10, "result_grace": 2}

def objective(config, trial):
    log = os.open("started.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{trial.trial_id} {os.environ['SLURM_JOB_ID']}\\n".encode())
    trial.restore(seen={"epochs": 0})
    for epoch in trial.epochs():
        time.sleep(0.1)
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)
"""


def test_jobs_ask_for_less_once_legs_have_told_what_they_need(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=32)
    (project.folder / "search.py").write_text(CONFIG)
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    events = [
        json.loads(line) for line in (project.output / "journal.jsonl").read_text().splitlines()[1:]
    ]
    ended = [e for e in events if e["event"] == "LegFinished"]
    assert {e["outcome"] for e in ended} == {"completed"}
    assert not [e for e in events if e["event"] in ("LegLost", "TrialFailed")]
    # The files tell what was asked for and used, and SLURM says the same of the jobs.
    started = (project.folder / "started.txt").read_text().splitlines()
    jobs = sorted({line.split()[1] for line in started}, key=int)
    told = slurm.run("sacct", "-X", "-n", "-P", "-j", ",".join(jobs), "-o", "TimelimitRaw,ReqMem")
    asked = [tuple(line.split("|")) for line in told.split()]
    # 20 legs had to end first; what waited then gave up all but twice the time that legs need.
    assert set(asked) >= {("30", "900M"), ("10", "256M")}, asked
    assert asked.count(("10", "256M")) > 10, asked
    assert {e["time_had_s"] for e in ended} >= {1800, 600}
    assert "jobs that wait ask for 10 min and 256 MB each from now on" in done.stdout
    assert {e["mem_had_mb"] for e in ended} == {900, 256}
    assert all(0 < e["mem_used_mb"] < 256 for e in ended)
    offered = {(e["trial_id"], e["attempt"]): e for e in events if e["event"] == "LegOffered"}
    for leg in ended:
        assert 0 < offered[leg["trial_id"], leg["attempt"]]["time_s"] <= leg["time_had_s"]
