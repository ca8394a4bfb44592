"""Code that changes between two starts: noted with its commit, and told once."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from hpo.manager import repository
from hpo.manager.code_versions import CodeTeller, changes, noted
from hpo.record.result import Outcome, Result
from hpo.trial.code import Code, code_of


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for key in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{key}_NAME", "a user")
        monkeypatch.setenv(f"GIT_{key}_EMAIL", "user@example.org")
    (tmp_path / "train.py").write_text("import model\n")
    (tmp_path / "model.py").write_text("A = 1\n")
    return tmp_path


def of(folder: Path) -> Code:
    found = code_of(f"{folder}/train.py:objective")
    assert found is not None
    return found


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "init", "-q")
    git(folder, "add", "train.py", "model.py")
    git(folder, "commit", "-q", "-m", "first")


def test_each_other_code_is_noted_once_with_its_commit(project: Path) -> None:
    commit(project)
    first = noted(None, of(project), 1.0)
    again = noted(first, of(project), 2.0)
    (project / "model.py").write_text("A = 2\n")
    second = noted(again, of(project), 3.0)
    assert first == again
    assert [note["since"] for note in second] == [1.0, 3.0]
    clean, edited = (note["git"] for note in second)
    assert clean["commit"] == edited["commit"]
    assert len(clean["commit"]) == 40
    assert (clean["dirty"], clean["diff"]) == (False, None)
    assert edited["dirty"]
    assert len(edited["diff"]) == 12
    (line,) = changes(first, second)
    assert line.startswith("the objective's code (model.py): ")
    assert line.endswith(f"(commit {clean['commit'][:10]}, edited)")
    assert changes(second, second) == []


def test_an_edit_of_what_the_objective_does_not_import_is_not_dirty(project: Path) -> None:
    commit(project)
    (project / "notes.txt").write_text("untracked")
    (note,) = noted([], of(project), 1.0)
    assert note["git"]["dirty"] is False


def test_without_a_repository_or_git_there_is_no_commit(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (note,) = noted("damaged", of(project), 1.0)
    assert note["git"] is None
    commit(project)
    monkeypatch.setenv("PATH", str(project))
    assert repository.state_of([project / "train.py"]) is None


def test_a_repository_of_somebody_else_is_refused_in_gits_words(project: Path) -> None:
    commit(project)
    monkey = pytest.MonkeyPatch()
    with monkey.context() as context:
        context.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for its tests
        found = repository.state_of([project / "train.py"])
    assert found is not None
    assert "safe.directory" in found["refused"]


def test_a_git_that_hangs_costs_a_start_its_time_and_no_more(
    project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "bin" / "git"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\nexec sleep 20\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:/usr/bin:/bin")
    assert repository.state_of([project / "train.py"], timeout_s=0.3) is None


def _result(code: str) -> Result:
    return Result(Outcome.COMPLETED, 1.0, 1, 1.0, code=code)


def test_other_code_is_told_once_for_each(caplog: Any) -> None:
    teller = CodeTeller("aaaaaa")
    for trial_id, code in enumerate(["", "aaaaaa", "bbbbbb", "bbbbbb", "cccccc"]):
        teller.follow(trial_id, _result(code))
    told = [record.getMessage() for record in caplog.records]
    assert [line.split(" ran ")[0] for line in told] == ["trial 2", "trial 4"]
    assert "snapshot_code" in told[0]


def test_where_the_manager_knows_no_code_the_first_result_says_it(caplog: Any) -> None:
    teller = CodeTeller(None)
    for trial_id, code in enumerate(["aaaaaa", "bbbbbb"]):
        teller.follow(trial_id, _result(code))
    assert [record.getMessage().split(" ran ")[0] for record in caplog.records] == ["trial 1"]
