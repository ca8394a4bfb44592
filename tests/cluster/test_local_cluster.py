"""Seats as processes of this machine: GPUs, environment, sessions, and managers that die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from user_project import TRAIN, Project, kill, user_project, wait_until

from hpo.cluster.local.cluster import LocalCluster, LocalRequest
from hpo.cluster.local.gpus import gpu_problems, visible_gpus
from hpo.folder.files import Layout, publish_json
from hpo.record.causes import Cause
from hpo.seats.book import JobPhase
from hpo.seats.orders import Cancel

SHOW = """
note("seen.txt", os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
holding = HERE / ("gpu-" + os.environ.get("CUDA_VISIBLE_DEVICES", "none"))
try:
    holding.mkdir()
except FileExistsError:
    note("shared.txt", holding.name)
time.sleep(0.2)
if holding.exists():
    holding.rmdir()
"""
GPUS = {"CUDA_VISIBLE_DEVICES": "a,b,c,d"}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project


@pytest.fixture
def cluster(tmp_path: Path) -> LocalCluster:
    layout = Layout(tmp_path / "campaign")
    layout.create()
    (layout.jobs / "live").mkdir()
    return LocalCluster(layout, LocalRequest(python=None, gpus=0, trials_per_gpu=1))


def record(cluster: LocalCluster, job_id: str, **content: object) -> Path:
    path = cluster._layout.live / f"{job_id}.json"
    publish_json(path, {"gpus": [], "submitted": time.time(), **content})
    return path


def test_each_trial_has_a_gpu_of_its_own(project: Project) -> None:
    project.write(SHOW + TRAIN, slurm='{"gpus": 1}', n_trials=12, max_concurrent_jobs=6)
    project.finish(**GPUS)
    seen = project.notes("seen.txt")
    assert len(seen) == 12
    assert set(seen) == set("abcd")
    assert project.notes("shared.txt") == []
    assert project.result(0)["additional_info"]["gpus"] in "abcd"


def test_trials_share_a_gpu_only_as_many_as_allowed(project: Project) -> None:
    wait = 'note("seen.txt", os.environ["CUDA_VISIBLE_DEVICES"]); wait_for("go")'
    project.write(
        wait + TRAIN, slurm='{"gpus": 1}', n_trials=6, max_concurrent_jobs=6, trials_per_gpu=2
    )
    child = project.start(CUDA_VISIBLE_DEVICES="a,b")
    wait_until(lambda: len(project.notes("seen.txt")) == 4, "two trials on each of two GPUs")
    time.sleep(0.5)
    assert sorted(project.notes("seen.txt")) == ["a", "a", "b", "b"]
    project.go()
    assert child.wait(timeout=60) == 0


def test_a_trial_with_two_gpus_gets_two(project: Project) -> None:
    project.write(SHOW + TRAIN, slurm='{"gpus": 2}', n_trials=4, max_concurrent_jobs=4)
    project.finish(**GPUS)
    assert set(project.notes("seen.txt")) == {"a,b", "c,d"}
    assert project.notes("shared.txt") == []


def test_gpus_of_adopted_processes_are_not_given_away(project: Project) -> None:
    wait = 'note("seen.txt", os.environ["CUDA_VISIBLE_DEVICES"]); wait_for("go")'
    project.write(wait + TRAIN, slurm='{"gpus": 1}', n_trials=4, max_concurrent_jobs=2)
    child = project.start(**GPUS)
    wait_until(lambda: len(project.notes("seen.txt")) == 2, "two trials run")
    kill(child)
    second = project.start("--set", "hpo.max_concurrent_jobs=4", **GPUS)
    wait_until(lambda: len(project.notes("seen.txt")) == 4, "all four run")
    assert sorted(project.notes("seen.txt")) == ["a", "b", "c", "d"]
    project.go()
    assert second.wait(timeout=60) == 0


def test_which_gpus_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", " 3, GPU-5 ,")
    assert visible_gpus() == ["3", "GPU-5"]
    assert gpu_problems(2) == []
    assert gpu_problems(3) == ["slurm.gpus: a trial asks for 3 GPUs and this machine has 2"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert visible_gpus() == []
    assert gpu_problems(1) == []  # on the CPU, with a warning


def test_env_setup_lines_run_in_one_shell_before_the_job(project: Project) -> None:
    lines = ['who="it\'s me"', 'export COLOUR="$who: dark red"', "cd /"]
    project.write(
        'note("seen.txt", os.environ["COLOUR"] + " in " + os.getcwd())' + TRAIN,
        slurm=repr({"env_setup": lines}),
        n_trials=1,
    )
    project.finish()
    assert project.notes("seen.txt") == ["it's me: dark red in /"]


def test_an_environment_that_breaks_every_job_is_told_with_its_last_words(
    project: Project,
) -> None:
    """It works while the request is checked, and no more when the jobs start."""
    setup = f"test -e '{project.folder}/results/campaign.json' && echo no such module && exit 4"
    project.write(slurm=repr({"env_setup": [f"if true; then {setup}; true; fi"]}), n_trials=9)
    done = project.run()
    assert done.returncode == 1
    assert "jobs in a row died before they took a trial" in done.stdout
    assert "exit code 4" in done.stdout
    assert "no such module" in done.stdout
    assert "Mend the environment" in done.stdout
    project.write(slurm="{}", n_trials=9)
    project.finish()
    assert project.started() == dict.fromkeys(range(9), 1)


def test_processes_live_in_sessions_of_their_own(project: Project) -> None:
    """So that Ctrl-C, or the end of the terminal, does not reach them."""
    body = 'note("seen.txt", f"{os.getpid()} {os.getsid(0)} {os.getpgrp()}"); wait_for("go")'
    project.write(body + TRAIN, n_trials=2)
    child = project.start()
    wait_until(lambda: len(project.notes("seen.txt")) == 2, "two trials run")
    for line in project.notes("seen.txt"):
        pid, session, group = map(int, line.split())
        assert pid == session == group != os.getsid(child.pid)
    project.go()
    assert child.wait(timeout=60) == 0


def test_a_process_whose_manager_died_before_noting_it_is_found(
    project: Project, tmp_path: Path
) -> None:
    """The record lies before the process; the process completes it itself."""
    project.write('wait_for("go")' + TRAIN, n_trials=2, max_concurrent_jobs=1)
    child = project.start()
    wait_until(project.started, "a trial runs")
    kill(child)
    # What a manager leaves that dies between the start of the process and the second record.
    (path,) = (project.output / "jobs" / "live").glob("*.json")
    whole = json.loads(path.read_text())
    publish_json(path, {"submitted": time.time(), "gpus": []})
    environment = os.environ | {"HPO_JOB_ID": path.stem}
    stranger = subprocess.Popen(
        [sys.executable, "-m", "hpo.job.main", str(project.output)], env=environment
    )
    try:
        wait_until(lambda: "pid" in json.loads(path.read_text()), "it registers")
        assert json.loads(path.read_text())["pid"] == stranger.pid
        second = project.start()
        wait_until(lambda: "started, job" in project.printed(), "the manager is back")
        project.go()
        assert second.wait(timeout=60) == 0
        assert project.started() == dict.fromkeys(range(2), 1)
    finally:
        project.go()
        stranger.wait(timeout=60)
        psutil.wait_procs([psutil.Process(whole["pid"])] if psutil.pid_exists(whole["pid"]) else [])


def test_a_record_whose_process_never_came_is_given_up(cluster: LocalCluster) -> None:
    young = record(cluster, "local-a-1")
    old = record(cluster, "local-a-2", submitted=time.time() - 3600)
    statuses = cluster.poll(())
    assert statuses["local-a-1"].phase is JobPhase.RUNNING
    assert (statuses["local-a-2"].phase, statuses["local-a-2"].cause) == (
        JobPhase.ENDED,
        Cause.VANISHED,
    )
    assert young.exists()
    assert not old.exists()


def test_a_process_id_that_is_anothers_by_now_is_no_seat(cluster: LocalCluster) -> None:
    me = psutil.Process()
    start = me.create_time()
    record(cluster, "local-a-1", pid=me.pid, start=start)
    reused = record(cluster, "local-a-2", pid=me.pid, start=start - 100)
    statuses = cluster.poll(("local-a-2",))
    assert statuses["local-a-1"].phase is JobPhase.RUNNING
    assert statuses["local-a-2"].phase is JobPhase.ENDED
    assert not reused.exists()


def test_a_stranger_with_a_seats_process_id_is_never_signalled(cluster: LocalCluster) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        start = psutil.Process(stranger.pid).create_time()
        record(cluster, "local-a-1", pid=stranger.pid, start=start - 100)
        cluster.change(Cancel(("local-a-1", "local-unknown")))
        time.sleep(0.2)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_torn_record_is_no_live_seat_and_no_error(cluster: LocalCluster) -> None:
    (cluster._layout.live / "local-a-1.json").write_text("{")
    assert cluster.poll(())["local-a-1"].phase is JobPhase.ENDED


def test_a_python_that_is_not_there_is_said_before_anything_starts(project: Project) -> None:
    project.write(slurm='{"python": "/no/such/python"}')
    done = project.run()
    assert done.returncode == 2
    assert "/no/such/python" in done.stderr
    assert not project.output.exists()
