"""A file or folder of the user's that has this package's name."""

from __future__ import annotations

from pathlib import Path

import pytest
from script_runs import TRAIN, make_trial, run, writer

from hpo.trial.check import check_objective

OBJECTIVE = "from hpo import Reporter\ndef objective(lr): Reporter()(validation_error=lr)\n"


@pytest.mark.parametrize("name", ["hpo.py", "hpo/__init__.py"])
def test_it_does_not_hide_the_package_from_an_objective(tmp_path: Path, name: str) -> None:
    write = writer(tmp_path)
    write("mine = 1", name)
    train = write(OBJECTIVE, "train.py")
    assert check_objective(f"{train}:objective", ["lr"], [str(tmp_path)]) == []


@pytest.mark.parametrize("name", ["hpo.py", "hpo/__init__.py"])
def test_a_script_that_would_get_it_is_told_so(tmp_path: Path, name: str) -> None:
    write = writer(tmp_path)
    hides = write("mine = 1", name)
    (problem,) = check_objective(f"script:{write(TRAIN)}", ["lr"])
    assert str(hides) in problem
    assert "rename it" in problem


def test_a_script_that_means_it_gets_it(tmp_path: Path) -> None:
    write = writer(tmp_path)
    write("def error(): return 0.25", "hpo.py")
    script = write("import hpo\nprint('error', hpo.error())")
    trial = make_trial(tmp_path)
    run(script, trial, pattern="error (?P<validation_error>[0-9.]+)")
    assert trial.history[0]["validation_error"] == 0.25


def test_the_check_sees_the_arguments_that_the_job_will(tmp_path: Path) -> None:
    code = "import sys\nassert sys.argv == [__file__]\ndef objective(lr): pass\n"
    train = writer(tmp_path)(code, "train.py")
    assert check_objective(f"{train}:objective", ["lr"]) == []
    assert check_objective("train:objective", ["lr"], [str(tmp_path)]) == []
