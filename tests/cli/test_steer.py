"""`hpo stop --trial`, `hpo retry`, `hpo extend`, `hpo enqueue`, as people type them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from user_project import NO_SYNC, Project, user_project, wait_until

SPACE = '{"lr": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], "max_epochs": 9}'
# Saves after each epoch; what a trial begins with is told.
TRAIN = """
state = {"epoch": 0}
trial.restore(state=state)
note("from.txt", f"{trial.trial_id} {state['epoch']}")
for epoch in trial.epochs():
    if (HERE / f"hot{trial.trial_id}").exists() and epoch == 2:
        raise ValueError("too hot")
    if (HERE / "slow").exists():
        wait_for(f"go{epoch}")
    state["epoch"] = epoch
    trial.report(epoch=epoch, validation_error=config["lr"] + 1 / epoch)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project.write(TRAIN, space=SPACE)


def command(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hpo", *words],
        cwd=project.folder,
        env=os.environ | NO_SYNC,
        capture_output=True,
        text=True,
        check=False,
    )


def ask(project: Project, *words: str) -> str:
    done = command(project, *words)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def refused(project: Project, *words: str) -> str:
    done = command(project, *words)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr


def statuses(project: Project) -> list[str]:
    return [project.result(i)["status"] for i in range(project.final()["n_trials"])]


def test_a_trial_that_runs_is_stopped_and_stays_so_until_it_is_retried(project: Project) -> None:
    (project.folder / "slow").touch()
    manager = project.start()
    wait_until(lambda: len(project.started()) == 2, "two trials run")
    project.go("go1")
    reports = "trials/*/reports-a0.jsonl"
    wait_until(lambda: len(list(project.output.glob(reports))) == 2, "both report")
    printed = ask(project, "stop", "results", "--trial", "1", "--trial", "9")
    assert "trial 1: its job local-" in printed
    assert "there is no trial 9: 0 to 3 are known" in printed
    assert "the manager has taken it up" in printed
    assert "trial 1 runs, and is about to stop" in refused(project, "retry", "results", "1")
    (project.folder / "slow").unlink()
    for epoch in range(2, 10):
        project.go(f"go{epoch}")
    assert manager.wait(timeout=100) == 0, project.printed()
    assert "trial 1 stopped: stopped by the user" in project.printed()
    assert statuses(project) == ["completed", "stopped", "completed", "completed"]
    project.finish()
    assert project.result(1)["status"] == "stopped"
    printed = ask(project, "retry", "results", "1")
    assert "trial 1: again, from its checkpoint at 2" in printed
    assert "no manager runs: this waits for the next start: cd " in printed
    assert "hpo run --config search.py" in printed
    project.finish()
    assert statuses(project) == ["completed"] * 4
    assert [r["epoch"] for r in project.result(1)["reports"]] == list(range(1, 10))
    assert "1 2" in project.notes("from.txt")


def test_once_a_bug_is_mended_what_failed_goes_on_from_what_it_had_saved(project: Project) -> None:
    for trial_id in (0, 2):
        (project.folder / f"hot{trial_id}").touch()
    project.finish()
    assert statuses(project) == ["failed", "completed", "failed", "completed"]
    assert "failed by now: 2 x ValueError" in refused(project, "retry", "results")
    wrong = refused(project, "retry", "results", "--cause", "KeyError")
    assert "no such trial failed; failed by now: 2 x ValueError" in wrong
    assert "is no trial's number" in refused(project, "retry", "results", "two")
    told = json.loads(ask(project, "retry", "results", "--cause", "ValueError", "--json"))
    assert told["requests"][0]["trial_ids"] == [0, 2]
    assert (told["manager"], told["taken_up"]) == ("none", False)
    for trial_id in (0, 2):
        (project.folder / f"hot{trial_id}").unlink()
    printed = project.finish()
    assert "asks for trials 0, 2 again" in printed
    assert statuses(project) == ["completed"] * 4
    assert {"0 1", "2 1"} <= set(project.notes("from.txt"))


def test_a_complete_trial_runs_again_from_the_start_and_what_it_had_is_kept(
    project: Project,
) -> None:
    project.finish()
    assert "only be run again from the start" in refused(project, "retry", "results", "0")
    printed = ask(project, "retry", "results", "0", "--from-start")
    assert "what it has goes to trials/trial_0.before_a1" in printed
    project.finish()
    assert project.started()[0] == 2
    assert project.notes("from.txt").count("0 0") == 2
    assert project.result(0)["attempt"] == 1
    before = project.output / "trials" / "trial_0.before_a1"
    for folder, attempt in ((before, 0), (before.with_name("trial_0"), 1)):
        assert [path.name for path in folder.glob("reports-*")] == [f"reports-a{attempt}.jsonl"]


def test_an_ended_campaign_gets_more_trials_and_more_rungs(project: Project) -> None:
    more: dict[str, Any] = {"n_trials": 6, "keep_checkpoints": "all", "scheduler": "asha"}
    project.write(TRAIN, space=SPACE.replace("9", "3"), **more)
    project.finish()
    assert max(r["epoch"] for i in range(6) for r in project.result(i)["reports"]) == 3
    assert "has 6 trials already" in refused(project, "extend", "results", "--n-trials", "6")
    assert "must be a number" in refused(project, "extend", "results", "--n-trials", "many")
    assert "go to 3 already" in refused(project, "extend", "results", "--max-t", "3")
    assert "name --n-trials, or --max-t" in refused(project, "extend", "results")
    printed = ask(project, "extend", "results", "--n-trials", "+2", "--max-t", "9")
    assert "8 trials instead of 6" in printed
    assert "rungs at 1, 3, 9" in printed
    printed = project.finish()
    assert "asks for more: 8 trials in all, rungs up to 9" in printed
    final = project.final()
    assert final["n_trials"] == 8
    project.finish()
    assert project.final() == final  # nothing was left to do
    furthest = {i: project.result(i)["reports"][-1]["epoch"] for i in range(8)}
    best = [i for i, epoch in furthest.items() if epoch == 9]
    for trial_id in best:
        result = project.result(trial_id)
        assert [r["epoch"] for r in result["reports"]] == list(range(1, 10))
        assert result["config"]["max_epochs"] == 9


@pytest.mark.long
def test_raising_max_t_in_the_configuration_comes_to_the_same(project: Project) -> None:
    project.write(
        TRAIN, space=SPACE.replace("9", "3"), n_trials=8, scheduler="asha", max_concurrent_jobs=1
    )
    project.finish()
    with user_project(project.folder / "other") as other:
        other.folder.mkdir()
        other.write(
            TRAIN,
            space=SPACE.replace("9", "3"),
            n_trials=8,
            scheduler="asha",
            max_concurrent_jobs=1,
        )
        other.finish()
        ask(other, "extend", "results", "--max-t", "9")
        other.finish()
        project.write(TRAIN, space=SPACE)
        project.finish()
        results = [(one.result(i)["error"], i) for one in (project, other) for i in range(8)]
        assert results[:8] == results[8:]
        assert project.final()["best_config"]["max_epochs"] == 9
    project.write(TRAIN, space=SPACE.replace("9", "2"))
    assert "holds another search" in project.run().stderr


def test_points_are_tried_next_and_what_is_wrong_is_told_at_once(project: Project) -> None:
    project.finish()
    tried = project.result(0)["config"]["lr"]
    free = next(
        lr for lr in (0.1, 0.2, 0.3, 0.4, 0.5) if lr not in [c["lr"] for c in project.configs()]
    )
    wrong = refused(project, "enqueue", "results", "lr=7", "width=3", "max_epochs")
    assert "'max_epochs' must be name=value" in wrong
    wrong = refused(project, "enqueue", "results", "lr=7", "width=3")
    assert "lr=7 is not in" in wrong
    assert "the space has no 'width'" in wrong
    assert "point 1 is trial 0 already" in refused(project, "enqueue", "results", f"lr={tried}")
    (project.folder / "points.csv").write_text(f"lr,max_epochs\n{free},\n{tried},9\n")
    printed = ask(project, "enqueue", "results", "--from", "points.csv")
    assert f"to be tried next: lr={free} max_epochs=9" in printed
    assert "point 2 is trial 0 already" in printed
    project.finish()
    assert project.final()["n_trials"] == 5
    assert project.result(4)["config"] == {"lr": free, "max_epochs": 9}
    why = ask(project, "why", "results", "4")
    assert "taken from the points that were enqueued" in why


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("p.json", "[1]", "must hold a list of points"),
        ("p.json", "{", "is no JSON"),
        ("p.csv", "lr,lr\n0.1,0.2\n", "is there twice"),
        ("p.csv", "lr\n", "holds no points"),
        ("p.csv", "lr\n0.1,2\n", "line 2: 2 values for 1 names"),
        ("p.txt", "lr", "is no JSON"),
    ],
)
def test_a_file_of_points_that_cannot_be_read_is_told(
    tmp_path: Path, name: str, text: str, fault: str
) -> None:
    from hpo.cli.points import read_file
    from hpo.errors import SettingsError

    (tmp_path / name).write_text(text)
    with pytest.raises(SettingsError, match=fault):
        read_file(tmp_path / name)


def test_names_with_dots_and_values_as_in_yaml(tmp_path: Path) -> None:
    from hpo.cli.points import read_file, read_words

    assert read_words(["a.b=1e-3", "a.c=[1, 2]", "d=true", "e=adam"]) == {
        "a": {"b": 0.001, "c": [1, 2]},
        "d": True,
        "e": "adam",
    }
    (tmp_path / "p.json").write_text('{"lr": 0.1}')
    assert read_file(tmp_path / "p.json") == [{"lr": 0.1}]


def test_a_campaign_of_somebody_else_is_left_alone(project: Project) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    project.finish()
    os.chown(project.output, 12345, -1)
    for words in (("retry", "results", "0"), ("extend", "results", "--n-trials", "9")):
        assert "belongs to user 12345" in refused(project, *words)
    assert not (project.output / "requests").exists()
