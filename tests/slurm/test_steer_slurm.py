"""A campaign is steered on a real SLURM: one trial stops, a bug is mended, more is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

SAVING = "    state = {'epoch': 0}\n    trial.restore(state=state)\n"


def ask(project: Project, *words: str) -> str:
    """As a user types it, from another folder than the campaign was started in."""
    done = subprocess.run(
        [sys.executable, "-m", "hpo", words[0], str(project.output), *words[1:]],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def write(project: Project, **settings: object) -> None:
    """Saves after each epoch, fails where `hot` lies there."""
    path = project.folder / "search.py"
    loop = "    for epoch in trial.epochs():\n"
    fails = "        if os.path.exists('hot') and trial.trial_id % 2: raise ValueError('too hot')\n"
    text = path.read_text().replace(loop, f"{SAVING}{loop}{fails}        state['epoch'] = epoch\n")
    extra = "".join(f'"{name}": {value!r}, ' for name, value in settings.items())
    path.write_text(text.replace('return {"n_trials"', f'return {{{extra}"n_trials"'))


def statuses(project: Project) -> list[str]:
    return [str(result["status"]) for result in project.results()]


def epochs(project: Project, trial_id: int) -> list[int]:
    return [report["epoch"] for report in project.results()[trial_id]["reports"]]


@pytest.mark.parametrize("trials_per_job", [pytest.param(1, marks=pytest.mark.long), "auto"])
def test_a_trial_stops_while_it_runs_and_the_rest_goes_on(
    slurm: RealSlurm, tmp_path: Path, trials_per_job: object
) -> None:
    project = Project(tmp_path / "project", n_trials=4, epochs=12, epoch_s=1.0)
    write(project, trials_per_job=trials_per_job)
    manager = project.sbatch()
    reports = "trials/trial_1/reports-a0.jsonl"
    wait_until(lambda: list(project.output.glob(reports)), 120, "trial 1 reports")
    printed = ask(project, "stop", "--trial", "1")
    # Where the command is slow, it has left by then.
    assert "saves and leaves it at its next report" in printed or "will not" in printed
    assert "the manager has taken it up" in printed
    wait_until(project.final, 240, "the campaign ends")
    assert statuses(project) == ["completed", "stopped", "completed", "completed"]
    assert "trial 1 stopped: stopped by the user" in project.log(manager)
    assert not slurm.run("squeue", "-h", "-t", "CA", "-j", manager).strip()
    done = epochs(project, 1)
    assert 0 < len(done) < 12
    assert "from its checkpoint" in ask(project, "retry", "1")
    assert project.run().returncode == 0
    assert statuses(project) == ["completed"] * 4
    assert epochs(project, 1) == list(range(1, 13))


def test_a_bug_is_mended_and_what_failed_is_done_again(slurm: RealSlurm, tmp_path: Path) -> None:
    del slurm
    project = Project(tmp_path / "project", n_trials=4, epochs=2, epoch_s=0.2)
    write(project)
    (project.folder / "hot").touch()
    assert project.run().returncode == 0
    assert statuses(project) == ["completed", "failed", "completed", "failed"]
    (project.folder / "hot").unlink()
    assert "trial 3: again" in ask(project, "retry", "--cause", "ValueError")
    assert project.run().returncode == 0
    assert statuses(project) == ["completed"] * 4


def test_an_ended_campaign_is_extended_by_trials_and_by_a_rung(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    del slurm
    project = Project(tmp_path / "project", n_trials=9, epochs=3, epoch_s=0.1)
    write(project, scheduler="asha", keep_checkpoints="all")
    assert project.run().returncode == 0
    assert "12 trials instead of 9" in ask(project, "extend", "--n-trials", "+3", "--max-t", "9")
    done = project.run()
    assert done.returncode == 0
    assert "rungs up to 9" in done.stdout
    assert len(project.results()) == 12
    furthest = max(range(12), key=lambda trial_id: len(epochs(project, trial_id)))
    assert epochs(project, furthest) == list(range(1, 10))
    final = project.final()
    assert final is not None
    assert final["best_config"]["max_epochs"] == 9
