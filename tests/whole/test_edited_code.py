"""The objective's file is edited: between two starts, and while jobs run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from user_project import Project, user_project

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
