"""Campaigns whose jobs take several trials, as a user runs them on this machine."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from user_project import Project, user_project, wait_until

ASHA_SPACE = '{"lr": loguniform(1e-3, 1.0), "max_epochs": 9}'
TRAIN = """
state = {"steps": 0}
trial.restore(state=state)
for epoch in trial.epochs():
    state["steps"] += 1
    note("epochs.txt", f"{trial.trial_id} {epoch} {state['steps']}")
    trial.report(epoch=epoch, validation_error=config["lr"] + 1 / epoch)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as one:
        yield one


def epochs(project: Project) -> list[tuple[int, int, int]]:
    """(trial, epoch, steps since the trial's start) of each epoch that was trained."""
    lines = (map(int, line.split()) for line in project.notes("epochs.txt"))
    return [(trial_id, epoch, steps) for trial_id, epoch, steps in lines]


def errors(project: Project) -> dict[tuple[int, int], float]:
    """By trial and epoch, as the results tell."""
    results = [project.result(i) for i in range(project.final()["n_trials"])]
    return {
        (r["trial_id"], e["epoch"]): e["validation_error"] for r in results for e in r["reports"]
    }


def jobs(project: Project) -> Counter[str]:
    """How many legs each job took."""
    return Counter(event["job_id"] for event in events(project) if event["event"] == "LegClaimed")


def events(project: Project) -> list[dict[str, Any]]:
    lines = (project.output / "journal.jsonl").read_text().splitlines()
    return [event for event in map(json.loads, lines) if "event" in event]


def test_asha_with_seats_that_stay_gives_the_same_errors_with_fewer_jobs(project: Project) -> None:
    project.write(TRAIN, space=ASHA_SPACE, n_trials=9, scheduler="asha", trials_per_job="auto")
    printed = project.finish()
    trained = epochs(project)
    assert set(Counter((trial, epoch) for trial, epoch, _ in trained).values()) == {1}
    assert all(epoch == steps for _, epoch, steps in trained)
    assert len(jobs(project)) == 2
    assert "goes on with trial" in printed
    whole = errors(project)

    with user_project(project.folder / "one") as other:
        other.folder.mkdir()
        other.write(TRAIN, space=ASHA_SPACE, n_trials=9, scheduler="asha")
        other.finish()
        alone = errors(other)
        assert set(jobs(other).values()) == {1}
    both = whole.keys() & alone.keys()
    assert {trial for trial, _ in both} == set(range(9))
    assert all(whole[key] == alone[key] for key in both)


@pytest.mark.parametrize("process", ["fork", "same"])
def test_random_search_takes_its_trials_with_no_more_jobs_than_may_run(
    project: Project, process: str
) -> None:
    project.write(n_trials=12, trials_per_job="auto", trial_process=process)
    project.finish()
    assert sum(jobs(project).values()) == 12
    assert len(jobs(project)) <= 2  # the first may take all before the second has started
    assert project.started() == Counter(range(12))
    assert {project.result(i)["status"] for i in range(12)} == {"completed"}


def test_jobs_that_took_as_many_trials_as_they_may_are_replaced(project: Project) -> None:
    project.write(n_trials=7, trials_per_job=2)
    project.finish()
    assert sorted(jobs(project).values()) == [1, 2, 2, 2]


@pytest.mark.parametrize("whom", ["seat", "trial"])
def test_kill_9_in_mid_leg_loses_nothing_and_runs_nothing_twice(
    project: Project, whom: str
) -> None:
    body = (
        "state = {'n': 0}\ntrial.restore(state=state)\n"
        "for epoch in trial.epochs():\n"
        "    note('pids.txt', f'{trial.trial_id} {os.getpid()}')\n"
        "    if trial.trial_id == 3 and epoch == 2: wait_for('go')\n"
        "    state['n'] = epoch\n"
        "    trial.report(epoch=epoch, validation_error=config['lr'] + 1 / epoch)\n"
    )
    project.write(body, n_trials=8, trials_per_job="auto", max_initial_failures=0)
    manager = project.start()

    def at_work() -> list[str]:
        return [line.split()[1] for line in project.notes("pids.txt") if line[0] == "3"]

    wait_until(lambda: len(at_work()) == 2, "trial 3 is in its second epoch")
    child = psutil.Process(int(at_work()[-1]))
    victim = child.parent() if whom == "seat" else child
    assert victim is not None
    victim.send_signal(signal.SIGKILL)
    project.go()
    assert manager.wait(timeout=100) == 0, project.printed()
    results = [project.result(i) for i in range(8)]
    # A trial whose process is killed fails, as everywhere; the seat and the others go on.
    assert [r["status"] for r in results] == ["completed"] * 3 + ["failed"] + ["completed"] * 4
    assert results[3]["cause"] == "killed"
    assert project.started() == Counter(range(8))
    assert len(jobs(project)) == 2 or whom == "seat"


def test_stopping_ends_seats_that_would_go_on(project: Project) -> None:
    body = "wait_for('go')\n" + "trial.report(epoch=2, validation_error=config['lr'])\n"
    project.write(body, n_trials=20, trials_per_job="auto")
    manager = project.start()
    wait_until(lambda: len(project.started()) == 2, "two trials run")
    command = [*project.command(executor=None)[:3], "stop", "results"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    project.go()
    assert manager.wait(timeout=60) == 75
    assert len(project.started()) == 2
    wait_until(lambda: not _seats(project), "the jobs have ended", 10.0)


def test_a_seat_does_not_wait_for_more_once_the_campaign_has_ended(project: Project) -> None:
    body = "time.sleep(0.1 + 2 * (trial.trial_id == 2))\n" + (
        "trial.report(epoch=2, validation_error=config['lr'])\n"
    )
    project.write(body, n_trials=3, trials_per_job="auto", claim_timeout=60)
    project.finish()
    wait_until(lambda: not _seats(project), "the jobs have ended", 15.0)
    # A next start is not kept from working by what told them to.
    project.write(body, n_trials=5)
    project.finish()
    assert project.final()["n_trials"] == 5


@pytest.mark.parametrize("value", [0, "often", True, 1.5])
def test_a_wrong_number_of_trials_is_told_before_anything_runs(
    project: Project, value: object
) -> None:
    project.write(trials_per_job=value)
    done = project.run()
    assert done.returncode == 2
    assert "must be a whole number from 1 on, or 'auto', not" in done.stderr
    assert not project.output.exists()


def _seats(project: Project) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if any(w.endswith("hpo/job/start.py") for w in words) and words[-1] == str(project.output):
            found.append(process.pid)
    return found
