"""`hpo run --show-command`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from user_project import Project

CONFIG = """
space: {learning-rate: [0.1], units: [[8, 4]], nesterov: [true], max_epochs: 2}
slurm: %s
hpo:
  n_trials: 1
  command: ["{python}", train.py, fit, "--lr={learning-rate}", --units, "{units}", "{flags}",
            "{arguments}", --out, "{checkpoint_dir}", "{config_file}"]
  lists: words
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train.py").touch()
    (tmp_path / "cfg.yaml").write_text(CONFIG % "{}")
    return tmp_path


def test_prints_the_first_trials_and_runs_nothing(folder: Path) -> None:
    shown = Project(folder).finish("--config", "cfg.yaml", "--show-command", "--output-dir", "out")
    trial = folder / "out" / "trials" / "trial_0"
    assert shlex.split(shown) == [
        *(sys.executable, str(folder / "train.py"), "fit", "--lr=0.1", "--units", "8", "4"),
        *("--nesterov", "--max_epochs", "2", "--out", str(trial / "checkpoint" / "user")),
        str(trial / "config.json"),
    ]
    assert not (folder / "out").exists()


def test_with_the_interpreter_of_a_container(folder: Path) -> None:
    (folder / "container.sh").write_text('#!/bin/bash\nshift; exec "$@"\n')
    (folder / "container.sh").chmod(0o755)
    words = ["./container.sh", "exec", sys.executable]
    (folder / "cfg.yaml").write_text(CONFIG % f"{{python: {words}}}".replace("'", '"'))
    shown = Project(folder).finish("--config", "cfg.yaml", "--show-command")
    assert shlex.split(shown)[0] == sys.executable


def test_a_function_has_none(folder: Path) -> None:
    project = Project(folder).write()
    done = project.run("--show-command")
    assert done.returncode == 2
    assert "search.py:objective is a function and has no command" in done.stderr
    assert not project.output.exists()
