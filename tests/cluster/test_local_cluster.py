"""Seats as processes of this machine: GPUs, environment, sessions, and managers that die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from user_project import TRAIN, Project, kill, user_project, wait_until

from hpo.cluster.local.cluster import LocalCluster, LocalRequest
from hpo.cluster.local.gpus import gpu_problems, listed_gpus, visible_gpus
from hpo.folder.files import Layout, publish_json
from hpo.job.process_start import began, boot
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


def test_slices_of_a_gpu_stand_for_it() -> None:
    text = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5c89852c)
  MIG 1g.5gb      Device  0: (UUID: MIG-1111)
  MIG 3g.20gb     Device  1: (UUID: MIG-2222)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-6d96)
GPU 2: NVIDIA H200 (UUID: GPU-77)
  MIG 1g.5gb      Device  0: (UUID: MIG-GPU-77/1/0)
"""
    assert listed_gpus(text) == ["MIG-1111", "MIG-2222", "1", "MIG-GPU-77/1/0"]
    assert listed_gpus("No devices were found\n  MIG-Enabled\n") == []


def test_env_setup_lines_run_in_one_shell_before_the_job(project: Project) -> None:
    lines = ['who="it\'s me"', 'export COLOUR="$who: dark red"', "cd /"]
    project.write(
        'note("seen.txt", os.environ["COLOUR"] + " in " + os.getcwd())' + TRAIN,
        slurm=repr({"env_setup": lines}),
        n_trials=1,
    )
    project.finish()
    assert project.notes("seen.txt") == ["it's me: dark red in /"]


def test_env_setup_chooses_the_python_where_none_is_set(project: Project) -> None:
    other = project.folder / "env" / "bin" / "python"
    other.parent.mkdir(parents=True)
    other.write_text(f'#!/bin/sh\nexport CHOSEN=yes\nexec "{sys.executable}" "$@"\n')
    other.chmod(0o755)
    body = 'note("seen.txt", os.environ.get("CHOSEN", "no"))' + TRAIN
    lines = [f"export PATH='{other.parent}':$PATH"]
    for settings, seen in [
        ({"env_setup": lines}, "yes"),
        ({"env_setup": lines, "python": sys.executable}, "no"),
        ({"env_setup": "export COLOUR=red"}, "no"),
    ]:
        project.write(body, slurm=repr(settings), n_trials=1)
        printed = project.finish("--fresh")
        assert project.notes("seen.txt")[-1] == seen
        assert (f"trials run with {other}, as env_setup chooses" in printed) == (seen == "yes")


def test_a_line_of_env_setup_that_fails_is_told_once_in_the_campaigns_log(project: Project) -> None:
    lines = ["module load no/such", "[ -e /no/such ] && echo there", "if false; then :; fi"]
    project.write(TRAIN, slurm=repr({"env_setup": lines}), n_trials=2)
    printed = project.finish()
    (line,) = [line for line in printed.splitlines() if "env_setup failed" in line]
    assert "module load no/such (exit code 127), after " in line
    assert "command not found" in line
    (log,) = project.output.glob("hpo_campaign_*.log")
    assert "env_setup failed" in log.read_text()


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


@pytest.mark.parametrize("submitted_s", [0.0, -86400.0, 86400.0])
def test_a_record_whose_process_never_came_is_given_up_whatever_the_clock_says(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch, submitted_s: float
) -> None:
    monkeypatch.setattr("hpo.cluster.local.cluster.STARTING_S", 0.3)
    path = record(cluster, "local-a-1", submitted=time.time() + submitted_s)
    assert cluster.poll(())["local-a-1"].phase is JobPhase.RUNNING
    assert path.exists()
    time.sleep(0.4)
    status = cluster.poll(())["local-a-1"]
    assert (status.phase, status.cause) == (JobPhase.ENDED, Cause.VANISHED)
    assert not path.exists()


def test_a_process_id_that_is_anothers_by_now_is_no_seat(cluster: LocalCluster) -> None:
    me = os.getpid()
    record(cluster, "local-a-1", pid=me, began=began(me))
    reused = record(cluster, "local-a-2", pid=me, began=f"{boot()}:1")
    rebooted = record(cluster, "local-a-3", pid=me, began=f"another-boot:{began(me)}")
    statuses = cluster.poll(("local-a-2",))
    assert statuses["local-a-1"].phase is JobPhase.RUNNING
    assert statuses["local-a-2"].phase is statuses["local-a-3"].phase is JobPhase.ENDED
    assert not reused.exists()
    assert not rebooted.exists()


def test_records_of_earlier_versions_tell_the_start_by_the_clock(cluster: LocalCluster) -> None:
    """One that its own job completed told none: then the process must show what it is."""
    start = psutil.Process().create_time()
    record(cluster, "local-a-1", pid=os.getpid(), start=start)
    record(cluster, "local-a-2", pid=os.getpid(), start=start - 100)
    record(cluster, "local-a-3", pid=os.getpid())
    with seat_like(cluster, "local-a-4") as seat:
        record(cluster, "local-a-4", pid=seat.pid)
        phases = {job_id: status.phase for job_id, status in cluster.poll(()).items()}
    assert phases == {
        "local-a-1": JobPhase.RUNNING,
        "local-a-2": JobPhase.ENDED,
        "local-a-3": JobPhase.ENDED,
        "local-a-4": JobPhase.RUNNING,
    }


@contextmanager
def seat_like(
    cluster: LocalCluster,
    job_id: str,
    *,
    script: str = "sleep 60; :",
    words: Sequence[str] | None = None,
    **different: Any,
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that shows that it is this job, but for what is given otherwise."""
    words = ["seat", str(cluster._layout.root)] if words is None else words
    mine = {"env": os.environ | {"HPO_JOB_ID": job_id}, "start_new_session": True}
    options: dict[str, Any] = mine | different
    process = subprocess.Popen(["sh", "-c", script, *words], **options)
    try:
        wait_until(lambda: psutil.Process(process.pid).children(), "it runs")
        yield process
    finally:
        with suppress(psutil.NoSuchProcess):
            for one in psutil.Process(process.pid).children(recursive=True):
                one.kill()
        process.kill()
        process.wait()


FORGED: dict[str, dict[str, Any]] = {
    "of another job": {"env": os.environ | {"HPO_JOB_ID": "local-a-2"}},
    "without a job": {"env": dict(os.environ)},
    "without an environment": {"env": {}},
    "of another campaign": {"words": ["seat", "/tmp"]},
    "of another command": {"words": ["sleeper"]},
    "with more words": {"words": ["seat", "ROOT", "-v"]},
}


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("what", FORGED)
def test_a_process_that_does_not_show_that_it_is_the_job_is_never_signalled(
    cluster: LocalCluster, what: str, running: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the record says: others may have written it."""
    forged = dict(FORGED[what])
    if "words" in forged:
        root = str(cluster._layout.root)
        forged["words"] = [root if word == "ROOT" else word for word in forged["words"]]
    with seat_like(cluster, "local-a-1", **forged) as stranger:
        record(cluster, "local-a-1", pid=stranger.pid, began=began(stranger.pid))
        for _ in range(2):
            cluster.change(Cancel(("local-a-1", "local-unknown"), running=running))
        time.sleep(0.2)
        assert stranger.poll() is None
        assert psutil.Process(stranger.pid).children()
        # `hpo stop` does not even speak of it as a job; the manager waits for what it cannot know.
        onlooker = LocalCluster(cluster._layout, LocalRequest(None, 0, 1), is_manager=False)
        assert onlooker.poll(()) == {}
        assert cluster.poll(())["local-a-1"].phase is JobPhase.RUNNING
    assert caplog.text.count("does not show that it is that job") == 2


def test_what_shows_that_it_is_the_job_ends_with_all_below_it(cluster: LocalCluster) -> None:
    with seat_like(cluster, "local-a-1") as seat:
        (child,) = psutil.Process(seat.pid).children()
        # The clock was set since: only the start since boot counts, and what the process shows.
        record(cluster, "local-a-1", pid=seat.pid, began=began(seat.pid), submitted=0.0)
        cluster.change(Cancel(("local-a-1",), running=True))
        assert seat.wait(timeout=10) == -signal.SIGKILL
        wait_until(lambda: not child.is_running() or child.status() == "zombie", "its child ends")


def test_a_job_behind_a_containers_process_is_known_by_its_session(cluster: LocalCluster) -> None:
    root = cluster._layout.root
    inner = f"HPO_JOB_ID=local-a-1 sh -c 'sleep 60; :' seat '{root}'; :"
    with seat_like(cluster, "local-a-1", script=inner, words=["starter"], env={}) as starter:
        wait_until(
            lambda: len(psutil.Process(starter.pid).children(recursive=True)) == 2, "both run"
        )
        record(cluster, "local-a-1", pid=starter.pid, began=began(starter.pid))
        cluster.change(Cancel(("local-a-1",), running=True))
        assert starter.wait(timeout=10) == -signal.SIGKILL


def test_a_shell_from_which_a_job_was_started_is_not_that_job(cluster: LocalCluster) -> None:
    inner = f"HPO_JOB_ID=local-a-1 setsid -w sh -c 'sleep 60; :' seat '{cluster._layout.root}'; :"
    with seat_like(cluster, "local-a-1", script=inner, words=["shell"], env=None) as shell:
        wait_until(lambda: len(psutil.Process(shell.pid).children(recursive=True)) >= 2, "both run")
        record(cluster, "local-a-1", pid=shell.pid, began=began(shell.pid))
        cluster.change(Cancel(("local-a-1",), running=True))
        time.sleep(0.2)
        assert shell.poll() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process as somebody else")
def test_a_process_of_another_user_is_not_the_job(cluster: LocalCluster) -> None:
    with seat_like(cluster, "local-a-1", user=65534, cwd="/") as other:
        record(cluster, "local-a-1", pid=other.pid, began=began(other.pid))
        cluster.change(Cancel(("local-a-1",), running=True))
        time.sleep(0.2)
        assert other.poll() is None


@pytest.mark.parametrize("pid", [0, 1, -1, 2**31, 2**80, "1", "x", None, [1], 1.5, True])
def test_a_record_with_any_process_id_does_no_harm(cluster: LocalCluster, pid: object) -> None:
    record(cluster, "local-a-1", pid=pid, began=began(1))
    cluster.poll(())
    record(cluster, "local-a-1", pid=pid)
    cluster.change(Cancel(("local-a-1",), running=True))


def test_a_torn_record_is_no_live_seat_and_no_error(cluster: LocalCluster) -> None:
    (cluster._layout.live / "local-a-1.json").write_text("{")
    assert cluster.poll(())["local-a-1"].phase is JobPhase.ENDED


def test_a_python_that_is_not_there_is_said_before_anything_starts(project: Project) -> None:
    project.write(slurm='{"python": "/no/such/python"}')
    done = project.run()
    assert done.returncode == 2
    assert "/no/such/python" in done.stderr
    assert not project.output.exists()
