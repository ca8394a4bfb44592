"""Started again on the same output directory: after a kill, a Ctrl-C, a raised limit, --fresh."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest
from user_project import TRAIN, Project, kill, user_project, wait_until

from hpo.folder.files import read_json, read_object

WAIT = 'wait_for("go")' + TRAIN


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project


def live_pids(project: Project) -> list[int]:
    records = [json.loads(p.read_text()) for p in (project.output / "jobs/live").glob("*.json")]
    return sorted(record["pid"] for record in records if record.get("pid"))


def running_jobs(project: Project) -> int:
    status = read_json(project.output / "status.json")
    return status["jobs"]["running"] if status else 0


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file but those that say who manages, by which clock, and which processes live."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.parent.name != "live"]
    own = {"manager.json", "clock.json"}
    return {p.relative_to(folder): p.read_bytes() for p in files if p.name not in own}


def require_all_once(project: Project, count: int) -> None:
    assert project.started() == dict.fromkeys(range(count), 1)
    results = [project.result(trial_id) for trial_id in range(count)]
    assert [(r["status"], r["attempt"]) for r in results] == [("completed", 0)] * count


def test_the_processes_of_a_killed_manager_are_adopted(project: Project) -> None:
    project.write(WAIT, n_trials=6)
    child = project.start()
    wait_until(lambda: len(project.started()) == 2, "two trials run")
    kill(child)
    pids = live_pids(project)
    assert len(pids) == 2
    assert all(psutil.pid_exists(pid) for pid in pids)

    (project.output / "status.json").unlink(missing_ok=True)
    second = project.start()
    wait_until(lambda: "(resumed)" in project.printed(), "the second manager goes on")
    wait_until(lambda: running_jobs(project) == 2, "it sees what runs")
    assert live_pids(project) == pids
    assert len(project.started()) == 2
    project.go()
    assert second.wait(timeout=100) == 0
    assert "lost its job" not in project.printed()
    require_all_once(project, 6)


def test_trials_that_end_while_no_manager_lives_count(project: Project) -> None:
    project.write(WAIT, n_trials=5)
    child = project.start()
    wait_until(lambda: len(project.started()) == 2, "two trials run")
    kill(child)
    project.go()
    wait_until(lambda: len(list(project.output.glob("results/*.json"))) == 2, "both end")
    project.finish()
    require_all_once(project, 5)


def test_a_trial_killed_while_no_manager_lives_is_run_again(project: Project) -> None:
    project.write(WAIT, n_trials=3)
    child = project.start()
    wait_until(lambda: len(project.started()) == 2, "two trials run")
    kill(child)
    victim, survivor = (psutil.Process(pid) for pid in live_pids(project))
    victim.kill()
    wait_until(lambda: not victim.is_running(), "the victim is gone")
    assert survivor.is_running()
    project.go()
    printed = project.finish()
    assert "lost its job" in printed
    assert sorted(project.started().values()) == [1, 1, 2]
    assert [project.result(i)["status"] for i in range(3)] == ["completed"] * 3


def _have_started(project: Project, count: int) -> bool:
    return len(project.started()) >= count


def test_a_manager_killed_again_and_again_runs_each_trial_once(project: Project) -> None:
    project.write("time.sleep(0.3)" + TRAIN, n_trials=8)
    for seen in (1, 3, 5):
        child = project.start()
        wait_until(partial(_have_started, project, seen), "trials run")
        kill(child)
    project.finish()
    require_all_once(project, 8)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_asked_to_leave_it_exits_with_75_and_says_how_to_go_on(
    project: Project, number: signal.Signals
) -> None:
    project.write(WAIT)
    child = project.start("--set", "slurm.env_setup=export WHAT='two words'", "--fresh")
    wait_until(lambda: project.printed().count("started, job") == 2, "two trials run")
    child.send_signal(number)
    assert child.wait(timeout=60) == 75
    printed = project.printed()
    assert f"asked to leave ({number.name}): 2 running and 0 waiting jobs" in printed
    command = re.search(r"to go on: (.*)", printed)
    assert command is not None
    assert "--fresh" not in command[1]
    assert len(live_pids(project)) == 2
    assert not (project.output / "final_results.json").exists()

    project.go()
    done = subprocess.run(
        [sys.executable, "-m", *shlex.split(command[1])],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "(resumed)" in done.stdout
    assert "changed since the last start" not in done.stdout
    require_all_once(project, 4)


def test_a_second_manager_is_refused_and_told_who_holds_the_campaign(project: Project) -> None:
    project.write(WAIT)
    child = project.start()
    wait_until(project.started, "a trial runs")
    for arguments in ((), ("--fresh",)):
        second = project.run(*arguments)
        assert second.returncode == 3
        assert f"process {child.pid} on " in second.stderr
    project.go()
    assert child.wait(timeout=60) == 0
    require_all_once(project, 4)


def test_a_finished_campaign_started_again_stays_as_it_is(project: Project) -> None:
    project.write().finish()
    before = (project.output / "journal.jsonl").read_bytes()
    final = project.final()
    assert "4 completed" in project.finish()
    assert (project.output / "journal.jsonl").read_bytes() == before
    assert project.final() == final
    require_all_once(project, 4)


def test_a_finished_campaign_goes_on_when_more_trials_are_asked_for(project: Project) -> None:
    project.write().finish()
    first = project.configs()
    printed = project.finish("--set", "hpo.n_trials=7")
    assert "hpo.n_trials: 4 -> 7" in printed
    assert project.final()["n_trials"] == 7
    assert project.configs()[:4] == first
    require_all_once(project, 7)


def test_fresh_moves_the_old_campaign_aside_and_deletes_nothing(project: Project) -> None:
    project.write().finish()
    before = contents(project.output)
    printed = project.finish("--fresh", "--set", "hpo.seed=8")
    (old,) = project.folder.glob("results.old-*")
    assert str(old) in printed
    assert contents(old) == before
    assert "(new)" in printed
    assert project.started() == dict.fromkeys(range(4), 2)
    assert project.configs() != project.configs(old)


def test_fresh_where_there_is_no_campaign_is_a_first_start(project: Project) -> None:
    assert "(new)" in project.write().finish("--fresh")


def test_fresh_is_refused_while_jobs_of_the_old_campaign_live(project: Project) -> None:
    project.write(WAIT)
    child = project.start()
    wait_until(lambda: len(project.started()) == 2, "two trials run")
    kill(child)
    refused = project.run("--fresh")
    assert refused.returncode == 3
    assert "2 jobs of the campaign" in refused.stderr
    assert len(live_pids(project)) == 2
    project.go()
    project.finish()
    require_all_once(project, 4)


def test_what_was_removed_of_a_finished_campaign_is_told_by_its_journal(project: Project) -> None:
    project.write().finish()
    before = {path.name: read_object(path) for path in project.output.glob("results/*.json")}
    shutil.rmtree(project.output / "trials" / "trial_1")
    for trial_id in (1, 2):
        (project.output / "results" / f"trial_{trial_id}.json").unlink()
    project.finish()
    assert project.started() == dict.fromkeys(range(4), 1), "nothing is trained again"
    after = {path.name: read_object(path) for path in project.output.glob("results/*.json")}
    known = ("trial_id", "status", "error", "config", "resource", "job_id")
    for name, result in before.items():
        assert {key: after[name][key] for key in known} == {key: result[key] for key in known}
        assert after[name]["additional_info"]["training_time"] >= 0
    assert after["trial_2.json"] == before["trial_2.json"]
    assert after["trial_1.json"]["reports"] == [], "they lay in the trial's folder alone"
