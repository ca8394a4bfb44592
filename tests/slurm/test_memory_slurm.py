"""Trials that need more memory than their job has, on a real SLURM that kills them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from campaigns import Project
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

CONFIG = """
import os, time
from hpo import choice

def get_config_space():
    return {"size_mb": choice(list(range(0, 40)) + [360, 3000]), "max_epochs": 2}

def get_slurm_config():
    return {"partition": "main", "time": "0:10:00", "mem": "300M", "gpus": 1}

def get_hpo_config():
    # More trials than jobs at once, so that seats of the array still wait when one is killed.
    return {"n_trials": 12, "max_concurrent_jobs": 3, "output_dir": "results here", "seed": 7,
            "poll_interval": 2, "claim_timeout": 10, "result_grace": 2,
            "points_to_evaluate": [{"size_mb": 360}, {"size_mb": 3000}]}

def in_journal(text):
    return open("results here/journal.jsonl").read().count(text)

def objective(config, trial):
    # The others run until the manager has seen both kills: else all seats of the array may have
    # begun by then, and none is left whose memory could be raised in its place.
    if config["size_mb"] < 360:
        until = time.monotonic() + 60
        while in_journal("LegLost") < 2 and time.monotonic() < until:
            time.sleep(0.2)
    log = os.open("started.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    memory = os.environ["SLURM_MEM_PER_NODE"]
    os.write(log, f"{trial.trial_id} {memory} {os.environ['SLURM_JOB_ID']}\\n".encode())
    hog = bytearray(min(config["size_mb"], 700) << 20)
    hog[::4096] = b"x" * len(hog[::4096])  # so that the pages are really there
    for epoch in trial.epochs():
        time.sleep(1.5)
        trial.report(epoch=epoch, validation_error=config["size_mb"] + 1 / epoch)
"""


@pytest.mark.parametrize(
    ("n_trials", "how"),
    [
        pytest.param(12, "jobs that wait get 450 MB", id="in the place of a seat that waits"),
        pytest.param(2, "450 MB each", id="on a new seat", marks=pytest.mark.long),
    ],
)
def test_more_memory_once_and_a_clear_failure_if_that_is_too_little(
    slurm: RealSlurm, tmp_path: Path, n_trials: int, how: str
) -> None:
    project = Project(tmp_path / "project", n_trials=n_trials)
    (project.folder / "search.py").write_text(CONFIG)
    done = project.run("--set", f"hpo.n_trials={n_trials}")
    assert done.returncode == 0, done.stdout + done.stderr
    results = project.results()
    assert [r["trial_id"] for r in results if r["status"] != "completed"] == [1]
    starts: dict[int, list[list[str]]] = {}
    for line in (project.folder / "started.txt").read_text().splitlines():
        number, *rest = line.split()
        starts.setdefault(int(number), []).append(rest)
    assert [memory for memory, _ in starts[0]] == ["300", "450"]
    assert [memory for memory, _ in starts[1]] == ["300", "450"]
    assert all(len(starts[i]) == 1 for i in range(2, n_trials))
    # SLURM itself says that the second jobs had more.
    for trial_id in (0, 1):
        asked = [
            slurm.run("sacct", "-X", "-n", "-P", "-j", job, "-o", "ReqMem").split()[0]
            for _, job in starts[trial_id]
        ]
        assert asked == ["300M", "450M"]
    failed = results[1]
    assert (failed["cause"], failed["error"]) == ("out_of_memory", None)
    assert "mem=300M, then raised to 450M" in failed["message"]
    assert "Raise `mem`" in failed["message"]
    assert "offered again (attempt 2, with 450 MB)" in done.stdout
    assert how in done.stdout
    lost = [
        event
        for event in map(json.loads, (project.output / "journal.jsonl").read_text().splitlines())
        if event.get("event") == "LegLost"
    ]
    assert {event["cause"] for event in lost} == {"out_of_memory"}
    # Where the accounting knew it in time.
    told = [event["message"] for event in lost if "seen to use" in event["message"]]
    assert all(" of 300M" in message or " of 450M" in message for message in told)


def test_what_no_node_has_is_said_at_the_start(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", n_trials=3)
    done = project.run("--set", "slurm.max_mem=900G")
    assert done.returncode == 0
    assert "SLURM has no place for a job with max_mem = 921600M" in done.stdout
    project.require_all_once()
