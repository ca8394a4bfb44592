"""`hpo doctor --job` on this machine: a real trial is tried, and nothing of it stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from user_project import NO_SYNC, TIMEOUT_S, Project, user_project

SAVES = """
class Model(dict):
    state_dict = dict.copy
    load_state_dict = dict.update

trial.restore(model=Model(weights=[1.0] * 100))
for epoch in trial.epochs():
    note("epochs.txt", epoch)
    trial.report(epoch=epoch, validation_error=config["lr"])
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project


def tried(project: Project, *arguments: str) -> dict[str, dict[str, Any]]:
    command = [sys.executable, "-m", "hpo", "doctor", "--config", "search.py", "--job", "--json"]
    done = subprocess.run(
        [*command, "--executor", "local", *arguments],
        cwd=project.folder,
        env=os.environ | NO_SYNC,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert "Traceback" not in done.stderr, done.stderr
    told = json.loads(done.stdout)
    assert done.returncode == (2 if told["verdict"] == "fail" else 0)
    assert not list(project.folder.glob("*doctor*"))
    assert not project.output.exists()
    return {one["check"]: one for one in told["checks"]}


def test_an_epoch_is_trained_saved_and_gone_on_from(project: Project) -> None:
    found = tried(project.write(SAVES, space='{"lr": loguniform(1e-4, 1.0), "max_epochs": 9}'))
    assert project.notes("epochs.txt") == ["1", "2"]
    checks = ("job", "epoch", "checkpoint", "memory used", "time needed")
    assert {found[name]["verdict"] for name in checks} == {"ok"}
    assert "went on from there" in found["checkpoint"]["found"]
    assert "9 epochs" in found["time needed"]["found"]
    assert "with checkpoints of" in found["space"]["found"]


def test_an_objective_that_fails_is_told_with_its_error(project: Project) -> None:
    found = tried(project.write("raise KeyError('no such column')"))
    assert found["epoch"]["verdict"] == "fail"
    assert "no such column" in found["epoch"]["found"]


@pytest.mark.long
def test_an_objective_that_saves_nothing_is_told(project: Project) -> None:
    found = tried(project.write())
    assert found["checkpoint"]["verdict"] == "warn"
    assert "restore" in found["checkpoint"]["do"]


def test_an_objective_that_begins_again_is_told(project: Project) -> None:
    body = SAVES.replace("trial.epochs()", "(1, 2)")
    found = tried(project.write(body, space='{"lr": [0.1, 0.2], "max_epochs": 2}'))
    assert found["checkpoint"]["verdict"] in ("warn", "fail")


@pytest.mark.long
def test_a_training_script_is_tried_too(project: Project) -> None:
    project.write(space='{"lr": loguniform(1e-4, 1.0), "max_epochs": 5}')
    (project.folder / "train.py").write_text(
        "import argparse\n"
        "p = argparse.ArgumentParser()\n"
        "p.add_argument('--lr', type=float)\n"
        "p.add_argument('--max_epochs', type=int)\n"
        "a = p.parse_args()\n"
        "for epoch in range(1, a.max_epochs + 1):\n"
        "    print(f'epoch {epoch} error {a.lr / epoch}', flush=True)\n"
    )
    pattern = r"epoch (?P<epoch>\d+) error (?P<validation_error>\S+)"
    found = tried(project, "--set", "hpo.entry_point=train.py", f"hpo.metric_pattern={pattern}")
    assert found["epoch"]["verdict"] == "ok"
    assert found["checkpoint"]["verdict"] == "warn"


def test_nothing_is_submitted_where_something_would_fail(project: Project) -> None:
    found = tried(project.write(n_trials=0))
    assert "job" not in found
