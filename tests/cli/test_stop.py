"""`hpo stop` in its three ways, with a manager that lives, that is dead, that never sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest
from simulation import Campaign
from user_project import NO_SYNC, Project, kill, user_project, wait_until

from hpo.cli.clusters import is_alive
from hpo.cluster.simulated.model import ClusterModel
from hpo.folder import stop as stop_request
from hpo.folder.files import Layout, publish_json
from hpo.folder.stop import DRAIN, KILL, NOW, StopRequest
from hpo.job.process_start import began, boot
from hpo.manager.lock import this_process
from hpo.seats.orders import Cancel

# Saves after each epoch, reports only when it may.
STEPS = """
seen = {"epochs": 0}
trial.restore(seen=seen)
note("from.txt", f"{trial.trial_id} {seen['epochs']}")
for epoch in trial.epochs():
    wait_for(f"go{epoch}")
    seen["epochs"] = epoch
    trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)
"""
SPACE = '{"lr": loguniform(1e-4, 1.0), "max_epochs": 3}'


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project.write(STEPS, space=SPACE, output_dir="the results")


def stop_command(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hpo", "stop", "the results", *arguments],
        cwd=project.folder,
        env=os.environ | NO_SYNC,
        capture_output=True,
        text=True,
        check=False,
    )


def stop(project: Project, *arguments: str) -> str:
    done = stop_command(project, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def start(project: Project, *, dead: bool) -> subprocess.Popen[str]:
    """Two trials run and have reported epoch 1; `dead`: their manager is gone."""
    child = project.start()
    wait_until(lambda: len(project.started()) == 2, "two trials run")
    project.go("go1")
    reports = "trials/*/reports-a0.jsonl"
    wait_until(lambda: len(list(project.output.glob(reports))) == 2, "both report")
    wait_until(lambda: project.printed().count("started, job") == 2, "the manager knows")
    if dead:
        kill(child)
    return child


def live(project: Project) -> list[int]:
    found = (json.loads(p.read_text()) for p in project.output.glob("jobs/live/*.json"))
    pids = [record["pid"] for record in found if record.get("pid")]
    return [p for p in pids if psutil.pid_exists(p) and psutil.Process(p).status() != "zombie"]


def events(project: Project, name: str) -> list[dict[str, object]]:
    lines = (project.output / "journal.jsonl").read_text().splitlines()
    return [r for r in map(json.loads, lines) if r.get("event") == name]


def finish(project: Project) -> None:
    for epoch in (1, 2, 3):
        project.go(f"go{epoch}")
    project.finish()
    assert not (project.output / "stop.json").exists()
    assert [project.result(i)["status"] for i in range(4)] == ["completed"] * 4
    for trial_id in range(4):
        assert [r["epoch"] for r in project.result(trial_id)["reports"]] == [1, 2, 3]


def test_for_programs(project: Project) -> None:
    child = start(project, dead=False)
    told = json.loads(stop(project, "--kill", "--json"))
    assert child.wait(timeout=60) == 75
    assert (told["how"], told["jobs_unknown"]) == ("kill", None)
    assert len(told["cancelled_jobs"]) == 2
    assert "hpo run" in told["to_go_on"] or "main_hpo" in told["to_go_on"]


def test_draining_lets_what_runs_finish_and_starts_nothing(project: Project) -> None:
    child = start(project, dead=False)
    printed = stop(project)
    assert "trial 0, job local-" in printed
    assert "may finish" in printed
    assert f"the manager (process {child.pid} on" in printed
    wait_until(lambda: "ending (stopped by the user)" in project.printed(), "it sees the file")
    project.go("go2")
    project.go("go3")
    assert child.wait(timeout=60) == 75
    assert "to go on: hpo run" in project.printed()
    assert project.final()["ended"] == "stopped by the user"
    assert project.started() == {0: 1, 1: 1}
    finish(project)
    assert project.started() == dict.fromkeys(range(4), 1)


def test_now_lets_what_runs_save_and_leave(project: Project) -> None:
    child = start(project, dead=False)
    assert "saves and leaves at its next report" in stop(project, "--now")
    project.go("go2")
    assert child.wait(timeout=60) == 75
    finish(project)
    assert project.started() == {0: 2, 1: 2, 2: 1, 3: 1}
    assert {"0 2", "1 2"} <= set(project.notes("from.txt"))


def test_kill_ends_what_runs_and_it_goes_on_from_its_checkpoint(project: Project) -> None:
    child = start(project, dead=False)
    assert "cancelled 2 running and 0 waiting jobs" in stop(project, "--kill")
    assert child.wait(timeout=60) == 75
    assert live(project) == []
    assert [e["cause"] for e in events(project, "LegLost")] == ["stopped", "stopped"]
    finish(project)
    assert {"0 1", "1 1"} <= set(project.notes("from.txt"))


def test_without_a_manager_what_runs_is_still_killed_and_goes_on(project: Project) -> None:
    start(project, dead=True)
    printed = stop(project, "--kill")
    assert "cancelled 2 running" in printed
    assert "its manager is dead" in printed
    assert live(project) == []
    finish(project)
    assert [e["cause"] for e in events(project, "LegLost")] == ["stopped", "stopped"]
    assert {"0 1", "1 1"} <= set(project.notes("from.txt"))


def test_a_forged_record_of_a_job_kills_nobody(project: Project) -> None:
    """The real jobs die; a process of the same user that a record only names goes on."""
    start(project, dead=True)
    innocent = subprocess.Popen(["sleep", "100"])
    try:
        forged = {"submitted": 1.0, "gpus": [], "pid": innocent.pid, "began": began(innocent.pid)}
        publish_json(project.output / "jobs" / "live" / "local-000000-1.json", forged)
        done = stop_command(project, "--kill")
        assert done.returncode == 0
        assert "cancelled 2 running and 0 waiting jobs" in done.stdout
        assert f"local-000000-1.json names process {innocent.pid}, which does not" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert live(project) == [innocent.pid]
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_without_a_manager_what_runs_still_saves_and_leaves(project: Project) -> None:
    start(project, dead=True)
    stop(project, "--now")
    project.go("go2")
    wait_until(lambda: not live(project), "both leave")
    finish(project)
    assert events(project, "LegLost") == []
    assert {"0 2", "1 2"} <= set(project.notes("from.txt"))


def test_a_job_that_starts_into_a_stopped_campaign_ends_at_once(project: Project) -> None:
    start(project, dead=True)
    stop(project)
    done = subprocess.run(
        [sys.executable, "-m", "hpo.job.main", "the results"],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0
    assert "the campaign was stopped" in done.stdout
    assert project.started() == {0: 1, 1: 1}
    finish(project)


def test_a_manager_that_slurm_requeued_stays_stopped(project: Project) -> None:
    start(project, dead=True)
    stop(project)
    for epoch in (2, 3):
        project.go(f"go{epoch}")
    for _ in range(2):
        again = project.run(SLURM_RESTART_COUNT="1")
        assert again.returncode == 75
        assert "to go on: hpo run" in again.stdout
    assert project.started() == {0: 1, 1: 1}
    finish(project)


def test_a_milder_request_does_not_take_back_a_harsher_one(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "c")
    layout.create()
    harsh = StopRequest(NOW, 5.0, "her")
    assert stop_request.publish(layout, harsh) == harsh
    assert stop_request.publish(layout, StopRequest(DRAIN, 6.0, "him")) == harsh
    assert stop_request.read(layout) == harsh
    harshest = StopRequest(KILL, 7.0, "him")
    assert stop_request.publish(layout, harshest) == harshest
    assert stop_request.read(layout) == harshest


def test_a_process_with_the_number_of_a_dead_manager_is_not_taken_for_it() -> None:
    me = this_process()
    assert is_alive(me, "local") is True
    assert is_alive(replace(me, began=f"{boot()}:1"), "local") is False
    assert is_alive(replace(me, pid=2**22 + 1), "local") is False
    assert is_alive(replace(me, began=""), "local") is True  # noted by an earlier version


def test_a_damaged_request_still_keeps_jobs_from_starting(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "c")
    layout.create()
    assert not stop_request.stands(layout)
    publish_json(layout.stop, {"how": "gently"})
    assert stop_request.stands(layout)
    assert stop_request.read(layout) is None
    assert not stop_request.stands(Layout(tmp_path / "nowhere"))


@pytest.mark.parametrize("content", [None, "{", "[]", '{"campaign": "a b", "created": 1}'])
def test_a_folder_without_a_campaign_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "campaign.json").write_text(content)
    command = [sys.executable, "-m", "hpo", "stop", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    expected = "holds no campaign" if content is None else "cannot be read as a campaign"
    assert expected in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ([] if content is None else ["campaign.json"])


def test_processes_of_another_host_are_killed_there_or_asked_from_here(project: Project) -> None:
    start(project, dead=True)
    path = project.output / "campaign.json"
    document = json.loads(path.read_text())
    document["start"]["host"] = "elsewhere"
    path.write_text(json.dumps(document))
    command = [sys.executable, "-m", "hpo", "stop", "the results", "--kill"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "are processes of elsewhere" in done.stderr
    assert len(live(project)) == 2
    assert "saves and leaves" in stop(project, "--now")
    project.go("go2")
    wait_until(lambda: not live(project), "both leave")


@pytest.mark.parametrize("how", [DRAIN, KILL])
def test_a_crash_while_it_stops_changes_nothing(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stop comes at the same virtual time; each new manager is one that SLURM requeued."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    expected = _stopped(tmp_path / "whole", how)
    expected.run()
    assert b"stopped by the user" in expected.journal_bytes()
    for step in range(1, 2000, 23):
        campaign = _stopped(tmp_path / f"crash{step}", how)
        left = iter([step])
        _, crashes = campaign.run_crashing(partial(next, left, None))
        assert campaign.journal_bytes() == expected.journal_bytes(), f"crash before step {step}"
        if crashes == 0:
            return
    raise AssertionError("the campaign never ended before its crash")


def _stopped(root: Path, how: str) -> Campaign:
    model = ClusterModel(seats=2, queue_wait_s=60.0, preemption_rate=0.2, seed=3)
    campaign = Campaign(root, model=model, n_trials=8)

    def ask() -> None:
        stop_request.publish(campaign.layout, StopRequest(how, campaign.clock.now(), "me"))
        if how == KILL:
            jobs = [i for i, s in campaign.cluster.poll(()).items() if s.phase.value != "ended"]
            stop_request.note_cancelled(campaign.layout, jobs)
            campaign.cluster.change(Cancel(tuple(jobs), running=True))

    campaign.clock.at(500.0, ask)
    return campaign
