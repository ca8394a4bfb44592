"""Which files an objective's code is made of, and when their digest is another."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hpo.trial.code import Code, code_of

TRAIN = """
import os, json
import numpy as np
from hpo import loguniform
import model

def get_hpo_config():
    return {"n_trials": 4}

def objective(config, trial):
    from parts.layers import Layer
    return model.build(config, Layer)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "parts" / "deep").mkdir(parents=True)
    (folder / "train.py").write_text(TRAIN)
    (folder / "model.py").write_text("def build(*_): return 1.0\n")
    (folder / "other.py").write_text("print('not imported')\n")
    (folder / "json.py").write_text("print('the standard library comes first')\n")
    (folder / "parts" / "__init__.py").write_text("")
    (folder / "parts" / "layers.py").write_text("from .deep import norm\nfrom . import names\n")
    (folder / "parts" / "names.py").write_text("A = 1\n")
    (folder / "parts" / "deep" / "__init__.py").write_text("")
    (folder / "parts" / "deep" / "norm.py").write_text("from .. import names\n")
    return folder


def of(folder: Path) -> Code:
    found = code_of(f"{folder}/train.py:objective", [str(folder)])
    assert found is not None
    return found


def test_the_files_are_those_that_the_objective_imports_of_its_project(project: Path) -> None:
    assert sorted(of(project).digests) == [
        "model.py",
        "parts/__init__.py",
        "parts/deep/__init__.py",
        "parts/deep/norm.py",
        "parts/layers.py",
        "parts/names.py",
        "train.py",
    ]


@pytest.mark.parametrize("name", ["train.py", "model.py", "parts/deep/norm.py"])
def test_an_edit_of_one_of_them_is_another_code(project: Path, name: str) -> None:
    before = of(project)
    with (project / name).open("a") as file:
        file.write("x = 1\n")
    after = of(project)
    assert after.digest != before.digest
    assert {n for n in after.digests if after.digests[n] != before.digests[n]} == {name}


def test_what_no_trial_runs_is_no_other_code(project: Path) -> None:
    before = of(project)
    text = TRAIN.replace('"n_trials": 4}', '"n_trials": 400,\n            "seed": 1}')
    (project / "train.py").write_text(text)
    (project / "other.py").write_text("print('edited')\n")
    assert of(project).digest == before.digest


def test_a_moved_project_is_the_same_code(project: Path) -> None:
    before = of(project).digest
    moved = shutil.move(project, project.with_name("moved"))
    assert of(Path(moved)).digest == before


def test_a_module_of_a_package_and_a_command_name_the_same_files(project: Path) -> None:
    (project / "parts" / "__main__.py").write_text("from parts import layers\n")
    path = [str(project)]
    module = code_of("parts.layers:build", path)
    command = code_of("command: python -m parts --lr {lr}", path)
    assert module is not None
    assert command is not None
    assert sorted(command.digests) == sorted([*module.digests, "parts/__main__.py"])


def test_a_script_counts_with_its_neighbours_and_the_path(project: Path, tmp_path: Path) -> None:
    library = tmp_path / "library"
    library.mkdir()
    (library / "shared.py").write_text("B = 2\n")
    (project / "script.py").write_text("import model, shared\n")
    found = code_of(f"script:{project}/script.py", [str(library)])
    assert found is not None
    assert sorted(found.digests) == ["model.py", "script.py", "shared.py"]


@pytest.mark.parametrize("reference", ["no.such:function", "command: ./train.sh", "/no/file.py:f"])
def test_code_that_is_not_here_is_unknown(reference: str, tmp_path: Path) -> None:
    assert code_of(reference, [str(tmp_path)]) is None


def test_a_file_that_no_python_can_read_still_counts(project: Path) -> None:
    (project / "model.py").write_text("def build(:\n")
    before = of(project).digest
    (project / "model.py").write_text("def build(::\n")
    assert of(project).digest != before


def test_a_shipped_objective_is_one_file() -> None:
    found = code_of("hpo.config.digits_example:objective")
    assert found is not None
    assert list(found.digests) == ["hpo/config/digits_example.py"]
