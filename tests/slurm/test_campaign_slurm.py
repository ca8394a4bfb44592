"""Whole campaigns on a real SLURM, through sbatch, with the manager killed in every way."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from campaigns import ROOT, Project, wait_until
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]


def test_the_digits_campaign_runs_from_sbatch_to_pandas(slurm: RealSlurm, tmp_path: Path) -> None:
    script = ROOT / "hpo" / "scripts" / "submit_hpo_campaign.sh"
    command = ["sbatch", "--parsable", str(script), "--config", "digits_example"]
    environment = os.environ | {"HPO_PYTHON": sys.executable}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    log = tmp_path / f"hpo_manager_{done.stdout.strip()}.out"
    final = tmp_path / "hpo_results" / "digits_example" / "final_results.json"
    wait_until(final.exists, 240, "digits_example ends")
    results = json.loads(final.read_text())
    assert results["n_trials"] == 24
    assert results["best_error"] < 0.05
    assert results["best_config"] == json.loads((final.parent / "best_config.json").read_text())
    trials = [
        json.loads((final.parent / "results" / f"trial_{i}.json").read_text()) for i in range(24)
    ]
    assert all(t["additional_info"]["training_time"] > 0 for t in trials)
    assert min(t["error"] for t in trials) == results["best_error"]
    wait_until(lambda: "best configuration" in log.read_text(), 30, "the log says how it ended")
    link = final.parent / "trials" / "trial_0" / f"job_{trials[0]['job_id']}.out"
    assert "trial 0 completed" in link.read_text()


def test_a_killed_manager_process_goes_on_in_its_job(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project")
    job = project.sbatch()
    wait_until(lambda: len(project.starts()) >= 5, 90, "five trials run")
    holder = json.loads((project.output / "manager.json").read_text())
    os.kill(holder["pid"], signal.SIGKILL)
    wait_until(project.final, 180, "the campaign ends")
    assert "starting it again" in project.log(job)
    assert "(resumed)" in project.log(job)
    project.require_all_once()


def test_no_gpu_waits_for_a_manager_job_that_was_killed(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", n_trials=40)
    job = project.sbatch()
    wait_until(lambda: len(project.starts()) >= 5, 90, "five trials run")
    slurm.run("scancel", "--batch", "--signal=KILL", job)
    # This cluster has no cgroups, so the process outlives the shell of its job.
    os.kill(json.loads((project.output / "manager.json").read_text())["pid"], signal.SIGKILL)
    wait_until(lambda: not slurm.run("squeue", "-h", "-j", job, check=False).strip(), 60, "gone")
    before = len(project.starts())
    time.sleep(10)
    assert len(project.starts()) > before  # seats took trials with nobody to manage them
    second = project.sbatch()
    wait_until(project.final, 180, "the campaign ends")
    assert "(resumed)" in project.log(second)
    project.require_all_once()
    _require_busy_seats(project)


def test_a_manager_that_outlives_its_job_is_stopped_by_its_successor(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=160)  # so that the second one still finds some
    job = project.sbatch()
    wait_until(lambda: len(project.starts()) >= 5, 90, "five trials run")
    slurm.run("scancel", "--batch", "--signal=KILL", job)  # its process lives on, see above
    second = project.sbatch()
    wait_until(project.final, 180, "the campaign ends")
    wait_until(lambda: "took this campaign over" in project.log(job), 30, "the old one stops")
    assert "(resumed)" in project.log(second)
    project.require_all_once()


def test_a_manager_goes_back_into_the_queue_before_its_time_limit(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=80, epochs=4)
    job = project.sbatch("--time=1", "--signal=B:USR1@20")
    wait_until(project.final, 300, "the campaign ends")
    log = project.log(job)
    assert "goes back into the queue" in log
    assert "(resumed)" in log
    project.require_all_once()
    assert slurm.run("sacct", "-X", "-n", "-P", "-D", "-j", job, "-o", "State").count("REQUEUED")


def test_jobs_are_named_after_the_trial_that_runs(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", n_trials=16, epochs=4, epoch_s=1.5)
    job = project.sbatch()

    def names() -> list[str]:
        return slurm.run("squeue", "-h", "-r", "-o", "%j").split()

    mine: set[str] = set()

    def named() -> bool:
        tag = _tag(project)
        mine.update(name for name in names() if tag and name.endswith(f".{tag}"))
        return sum(name.startswith("trial_") for name in mine) >= 8

    wait_until(named, 90, "eight jobs carry the number of their trial")
    assert f"trial.{_tag(project)}" in mine  # those that still wait
    wait_until(project.final, 180, "the campaign ends")
    assert "at most 8 at once" in project.log(job)


def test_a_second_manager_is_refused_and_told_who_holds_the_campaign(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=12, epochs=4)
    job = project.sbatch()
    wait_until(lambda: project.starts(), 120, "the first manager works")
    second = project.run()
    assert second.returncode == 3
    assert f"SLURM job {job}" in second.stderr
    wait_until(project.final, 180, "the first one ends")
    project.require_all_once()


def test_what_slurm_would_refuse_is_told_before_anything_is_submitted(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project")
    wrong = project.run("--set", "slurm.partition=mian", "hpo.n_trails=3", "hpo.objective=os:nope")
    assert wrong.returncode == 2
    assert "did you mean 'main'?" in wrong.stderr
    assert "did you mean 'n_trials'?" in wrong.stderr
    assert "nope" in wrong.stderr
    wrong = project.run("--set", "slurm.qos=gold")
    assert wrong.returncode == 2
    assert "Invalid qos specification" in wrong.stderr
    assert not project.output.exists()  # and without a campaign there is nothing to submit


def test_a_trial_that_is_killed_fails_and_the_campaign_goes_on(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=8)
    text = (project.folder / "search.py").read_text()
    kill = "\n    if trial.trial_id == 2: os.kill(os.getpid(), 9)\n    for epoch"
    (project.folder / "search.py").write_text(text.replace("\n    for epoch", kill))
    assert project.run().returncode == 0
    results = project.results()
    assert [r["trial_id"] for r in results if r["status"] == "failed"] == [2]
    assert results[2]["cause"] == "killed"
    assert "SLURM says" in results[2]["message"]
    assert results[2]["error"] is None


def _tag(project: Project) -> str:
    path = project.output / "campaign.json"
    return json.loads(path.read_text())["campaign"] if path.exists() else ""


def _require_busy_seats(project: Project) -> None:
    """Between two trials on a GPU lies the start of a job, not the return of a manager."""
    spans = sorted(
        (r["additional_info"]["start_time"], r["additional_info"]["end_time"])
        for r in project.results()
    )
    starts = [start for start, _ in spans]
    gaps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert max(gaps) < 6.0, "no trial started for longer than two trials take"
