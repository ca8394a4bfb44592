"""The objective's file is edited: between two starts, and while jobs run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from user_project import Project, user_project, wait_until

import hpo

HELPED = """
import helper
for epoch in trial.epochs():
    trial.report(epoch=epoch, validation_error=helper.value(config["lr"]))
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as found:
        (tmp_path / "helper.py").write_text("def value(lr): return lr\n")
        yield found.write(HELPED, n_trials=2)


def test_results_of_older_code_are_told_apart(project: Project) -> None:
    project.finish()
    assert "objective's code" not in project.finish("--set", "hpo.n_trials=3")
    (project.folder / "helper.py").write_text("def value(lr): return lr + 100\n")
    printed = project.finish("--set", "hpo.n_trials=4")
    assert "changed since the last start: the objective's code (helper.py)" in printed
    assert "3 of the 3 results" in printed
    codes = hpo.load_campaign(project.output).trials["code"]
    assert codes[0] == codes[1] == codes[2] != codes[3]
    assert project.result(3)["additional_info"]["code"] == codes[3]


WAITS = """
global HERE
HERE = Path.cwd()
note("at.txt", __file__)
wait_for("go")
import helper
note("data.txt", (Path(__file__).parent / "data" / "x.txt").read_text())
trial.report(epoch=1, validation_error=helper.value(config["lr"]))
"""


def edited_while_a_job_runs(project: Project, **settings: Any) -> str:
    project.write(WAITS, space='{"lr": loguniform(1e-4, 1.0)}', n_trials=2, **settings)
    (project.folder / "data").mkdir()
    (project.folder / "data" / "x.txt").write_text("data")
    child = project.start("--set", "hpo.max_concurrent_jobs=1")
    wait_until(lambda: project.notes("at.txt"), "a trial that runs")
    (project.folder / "helper.py").write_text("def value(lr): return lr + 100\n")
    project.go()
    assert child.wait(60) == 0, project.printed()
    return project.printed()


def test_jobs_that_start_after_an_edit_are_told_of(project: Project) -> None:
    printed = edited_while_a_job_runs(project)
    assert "trial 1 ran other code" in printed
    assert "snapshot_code" in printed
    assert project.result(1)["error"] > 100


def test_with_a_snapshot_an_edit_while_jobs_wait_changes_nothing(project: Project) -> None:
    printed = edited_while_a_job_runs(project, snapshot_code=True)
    assert "other code" not in printed
    assert max(project.result(trial_id)["error"] for trial_id in range(2)) <= 1
    assert all(
        Path(line).is_relative_to(project.output / "code") for line in project.notes("at.txt")
    )
    assert project.notes("data.txt") == ["data", "data"]
    printed = project.finish("--set", "hpo.n_trials=3")
    assert "the objective's code (helper.py)" in printed
    assert project.result(2)["error"] > 100
    assert len(list((project.output / "code").iterdir())) == 2


def test_a_snapshot_of_more_than_code_is_refused(project: Project) -> None:
    project.write(n_trials=1, snapshot_code=True)
    data = project.folder / "images"
    data.mkdir()
    (data / "labels.py").touch()
    for number in range(2_100):
        (data / f"{number}.png").touch()
    done = project.run()
    assert done.returncode == 2
    assert "snapshot_code" in done.stderr
    assert not (project.output / "code").exists() or not list((project.output / "code").iterdir())
