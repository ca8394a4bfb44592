"""A campaign's folder copied or moved in mid-campaign, on a real SLURM."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]


def name_of(folder: Path) -> str:
    return str(json.loads((folder / "campaign.json").read_text())["campaign"])


def require_whole(folder: Path, count: int) -> None:
    lines = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
    completed = Counter(r["trial_id"] for r in lines if r.get("event") == "TrialCompleted")
    assert completed == Counter(range(count))
    results = [json.loads(p.read_text()) for p in folder.glob("results/trial_*.json")]
    assert sorted(r["trial_id"] for r in results) == list(range(count))
    assert {r["status"] for r in results} == {"completed"}


@pytest.mark.long
def test_both_go_on_and_neither_takes_jobs_of_the_other(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", n_trials=12, epochs=8)
    manager = project.sbatch()
    wait_until(lambda: len(project.starts()) == 8, 90, "eight trials run")
    copy = project.folder / "the copy"
    shutil.copytree(project.output, copy, symlinks=True)
    held = len(list(copy.glob("claims/*.json")))
    done = project.run("--output-dir", "the copy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"copied from {project.output}" in done.stdout
    assert f"the {held} legs that jobs held there" in done.stdout
    assert name_of(copy) != name_of(project.output)
    wait_until(project.final, 180, "the original ends")
    require_whole(copy, 12)
    require_whole(project.output, 12)
    assert "lost its job" not in project.log(manager)
    # Of both: eight that ran when the copy was made, and the copy's own.
    assert sum(project.starts().values()) <= 24


def test_a_moved_campaign_goes_on(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", n_trials=12, epochs=3)
    manager = project.sbatch()
    wait_until(lambda: len(list(project.output.glob("results/*.json"))) >= 2, 240, "some ended")
    slurm.run("scancel", "--signal=KILL", "--full", manager)
    wait_until(lambda: not slurm.run("squeue", "-h", "-j", manager, "-t", "R"), 60, "it dies")
    old = name_of(project.output)
    moved = project.folder / "moved"
    project.output.rename(moved)
    done = project.run("--output-dir", "moved")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"| grep '[.]{old}$' | " in done.stdout
    require_whole(moved, 12)
