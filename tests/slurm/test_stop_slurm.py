"""`hpo stop` from a shell, three ways, on a real SLURM, with a manager that lives or is dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.long]


def stop(project: Project, *options: str) -> str:
    """As a user types it, from another folder than the campaign was started in."""
    command = [sys.executable, "-m", "hpo", "stop", str(project.output), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def jobs_of(slurm: RealSlurm, project: Project) -> list[str]:
    """Its jobs that run or wait, as squeue shows them."""
    name = json.loads((project.output / "campaign.json").read_text())["campaign"]
    rows = slurm.run("squeue", "-h", "-r", "-o", "%T|%j").splitlines()
    return [row.split("|")[0] for row in rows if row.endswith(f".{name}")]


def begun(slurm: RealSlurm, project: Project, *, dead: bool) -> str:
    """Eight trials run, others wait; `dead`: their manager was cancelled by the user."""
    manager = project.sbatch()
    wait_until(lambda: len(project.starts()) == 8, 90, "eight trials run")
    wait_until(lambda: "PENDING" in jobs_of(slurm, project), 30, "others wait")
    if dead:
        slurm.run("scancel", "--signal=KILL", "--full", manager)
        wait_until(lambda: not slurm.run("squeue", "-h", "-j", manager, "-t", "R"), 60, "it dies")
        wait_until(lambda: len(jobs_of(slurm, project)) > 8, 30, "its jobs go on")
    return manager


def require_all_completed(project: Project) -> None:
    assert project.run().returncode == 0
    assert [r["status"] for r in project.results()] == ["completed"] * project.n_trials
    for result in project.results():
        assert [r["epoch"] for r in result["reports"]] == list(range(1, project.epochs + 1))


@pytest.mark.parametrize(
    "dead",
    [
        pytest.param(False, id="live manager"),
        pytest.param(True, id="dead manager"),
    ],
)
def test_draining(slurm: RealSlurm, tmp_path: Path, dead: bool) -> None:
    project = Project(tmp_path / "project", n_trials=20, epochs=6)
    manager = begun(slurm, project, dead=dead)
    printed = stop(project)
    assert "cancelled 12 waiting jobs" in printed or not dead  # a live manager may be faster
    wait_until(lambda: not jobs_of(slurm, project), 60, "what runs ends")
    assert len(project.starts()) == 8
    if not dead:
        wait_until(project.final, 90, "the manager ends the campaign")
        assert "stopped by the user" in project.log(manager)
        assert "to go on: " in project.log(manager)
    require_all_completed(project)
    project.require_all_once()


@pytest.mark.parametrize(
    "dead",
    [
        pytest.param(False, id="live manager"),
        pytest.param(True, id="dead manager"),
    ],
)
def test_now(slurm: RealSlurm, tmp_path: Path, dead: bool) -> None:
    project = Project(tmp_path / "project", n_trials=12, epochs=40, epoch_s=0.5)
    _save_in(project)
    begun(slurm, project, dead=dead)
    assert "saves and leaves at its next report" in stop(project, "--now")
    wait_until(lambda: not jobs_of(slurm, project), 30, "what runs leaves")
    if not dead:
        wait_until(project.final, 90, "the manager ends the campaign")
    require_all_completed(project)
    assert sum(project.starts().values()) == 20  # the eight that ran, twice


@pytest.mark.parametrize(
    "dead",
    [
        pytest.param(False, id="live manager"),
        pytest.param(True, id="dead manager"),
    ],
)
def test_kill(slurm: RealSlurm, tmp_path: Path, dead: bool) -> None:
    project = Project(tmp_path / "project", n_trials=12, epochs=30, epoch_s=0.5)
    _save_in(project)
    # It ignores TERM, as a training in a C library does.
    _add(project, "    import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n")
    begun(slurm, project, dead=dead)
    assert "cancelled 8 running" in stop(project, "--kill")
    wait_until(lambda: not jobs_of(slurm, project), 90, "what runs is gone")
    if not dead:
        wait_until(project.final, 120, "the manager ends the campaign")
    require_all_completed(project)
    assert all("stopped by" not in str(r["message"]) for r in project.results())
    assert sum(project.starts().values()) == 20


def test_what_the_user_cancelled_one_by_one_stays_cancelled(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=12, epochs=30, epoch_s=0.5)
    _add(project, "    import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n")
    begun(slurm, project, dead=False)
    (claim,) = project.output.glob("claims/trial_3.*.json")
    slurm.run("scancel", claim.name.split(".job_")[1].removesuffix(".json"))
    wait_until(lambda: len(jobs_of(slurm, project)) < 12, 60, "it is gone")
    stop(project, "--now")
    wait_until(project.final, 120, "the manager ends the campaign")
    assert project.run().returncode == 0
    stopped = [r["trial_id"] for r in project.results() if r["status"] == "stopped"]
    assert stopped == [3]


def _save_in(project: Project) -> None:
    _add(project, "    trial.restore(state={'epoch': 0})\n")


def _add(project: Project, lines: str) -> None:
    path = project.folder / "search.py"
    loop = "    for epoch in trial.epochs()"
    path.write_text(path.read_text().replace(loop, lines + loop))
    assert os.environ["SLURM_CONF"]
