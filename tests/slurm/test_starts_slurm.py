"""Starts of jobs on the real SLURM: nodes and environments that fail, and settings that change."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

BAD = "gpu2"


class Run:
    """A manager in the background."""

    def __init__(self, project: Project, *arguments: str) -> None:
        command = [sys.executable, "-m", "hpo", "run", "--config", "search.py", *arguments]
        self._project = project
        self._log = (project.folder / f"log-{time.monotonic()}.txt").open("w+")
        self._child = subprocess.Popen(
            command, cwd=project.folder, stdout=self._log, stderr=subprocess.STDOUT
        )

    def said(self) -> str:
        return Path(self._log.name).read_text()

    def wait_for(self, words: str, timeout_s: float = 60.0) -> float:
        begun = time.monotonic()
        wait_until(lambda: words in self.said(), timeout_s, words)
        return time.monotonic() - begun

    def leave(self) -> None:
        self._child.send_signal(signal.SIGTERM)
        self.end()

    def end(self, timeout_s: float = 120.0) -> int:
        try:
            return self._child.wait(timeout=timeout_s)
        finally:
            self._child.kill()
            self._log.close()

    def kill_all(self) -> None:
        command = [sys.executable, "-m", "hpo", "stop", str(self._project.output), "--kill"]
        subprocess.run(command, cwd=self._project.folder, capture_output=True, check=False)
        self.end()


def change(project: Project, old: str, new: str) -> None:
    path = project.folder / "search.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def states(slurm: RealSlurm, array: str) -> list[str]:
    text = slurm.run("sacct", "-X", "-n", "-P", "-j", array, "-o", "State")
    return sorted(line.split()[0] for line in text.splitlines() if line.strip())


def array_of(said: str) -> str:
    return said.partition("submitted ")[2].partition("(")[2].partition("_")[0]


def test_a_node_on_which_jobs_cannot_start_costs_no_place_in_the_queue(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=40, epochs=8)
    line = f'[ "$SLURMD_NODENAME" = {BAD} ] && echo "cannot open the GPU" && exit 1'
    change(project, '"gpus": 1}', f'"gpus": 1, "env_setup": {[line]!r}}}')
    run = Run(project)
    try:
        run.wait_for(f"jobs cannot start on {BAD}")
        assert "after 'cannot open the GPU'" in run.said()
        run.wait_for(f"node {BAD} is not used for 1 h")
        array = array_of(run.said())
        # Its jobs go back into the queue, and what waited starts elsewhere.
        wait_until(lambda: "PENDING" in states(slurm, array), 30.0, "they wait again")
        wait_until(lambda: "RUNNING" in states(slurm, array), 30.0, "others start")
        assert "FAILED" not in states(slurm, array)
        assert "the first job, " in run.said()
    finally:
        run.kill_all()


def test_edited_settings_reach_the_jobs_that_wait(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", n_trials=8, epochs=6)
    change(project, '"max_concurrent_jobs": 8', '"max_concurrent_jobs": 2')
    change(project, '"gpus": 1}', '"gpus": 1, "env_setup": "export CUDA_VISIBLE_DEVICES=old"}')
    first = Run(project)
    first.wait_for("trial 1 started")
    array = array_of(first.said())
    first.leave()
    change(project, "=old", "=new")
    change(project, '"time": "0:10:00"', '"time": "0:25:00"')
    change(project, '"partition": "main"', '"partition": "gpu"')
    again = Run(project)
    again.wait_for("ask for what the settings say now")
    listed = slurm.run("squeue", "-h", "-r", "-t", "PD", "-j", array, "-o", "%i %l %P")
    assert {tuple(line.split()[1:]) for line in listed.splitlines()} == {("25:00", "gpu")}
    assert again.end() == 0
    project.require_all_once()
    started = (project.folder / "started.txt").read_text().split()[1::2]
    # Some may have started before the manager did.
    assert started == sorted(started, reverse=True)
    assert started[-1] == "new"


@pytest.mark.long
def test_what_cannot_be_changed_in_the_queue_is_asked_for_anew(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=4, epochs=10)
    change(project, '"max_concurrent_jobs": 8', '"max_concurrent_jobs": 2')
    first = Run(project)
    first.wait_for("trial 1 started")
    first.leave()
    change(project, '"gpus": 1}', '"gpus": 1, "cpus_per_task": 2}')
    again = Run(project)
    assert again.wait_for("cost 2 places in the queue: cpus_per_task") < 30.0
    assert again.end() == 0
    project.require_all_once()
    asked = slurm.run("sacct", "-X", "-n", "-P", "-j", array_of(again.said()), "-o", "ReqCPUS")
    assert set(asked.split()) == {"2"}


@pytest.mark.long
def test_nothing_is_lost_to_an_environment_that_is_away(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", n_trials=24, epochs=4)
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    change(project, '"gpus": 1}', f'"gpus": 1, "python": {str(link)!r}}}')
    run = Run(project)
    run.wait_for("trial 7 started")
    link.unlink()
    run.wait_for("the Python of the jobs is not there", 30.0)
    time.sleep(60.0)
    link.symlink_to(sys.executable)
    assert run.end(300.0) == 0
    project.require_all_once()
    assert set(states(slurm, array_of(run.said()))) == {"COMPLETED"}
    assert "is not used for" not in run.said()
