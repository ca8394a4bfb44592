"""The shell lines before a job's Python, run by a real shell."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from hpo.seats.environment import command, trial_run


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """A folder with a Python that tells its name and its words."""
    folder = tmp_path / "it's an env"
    folder.mkdir()
    for name, path in (("chosen", folder / "python"), ("own", tmp_path / "own python")):
        path.write_text(f'#!/bin/sh\necho {name} "$@"\n')
        path.chmod(0o755)
    return folder


def said(words: Sequence[str]) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_the_python_is_the_one_that_was_put_on_the_path(env: Path) -> None:
    activate = [f'export PATH="{env}":$PATH']
    own = str(env.parent / "own python")
    words = ["-m", "x y", "$HOME"]
    assert said(command(activate, None, own, words)) == "chosen -m x y $HOME"
    assert said(command(["false", "A=1"], None, own, words)) == "own -m x y $HOME"
    assert said(command(activate, [own], "no such", words)) == "own -m x y $HOME"
    assert said(command(["set -eu", *activate], None, own, words)) == "chosen -m x y $HOME"
    assert command([], None, own, words) == [own, *words]
    assert command([], ["box", "python"], own, words) == ["box", "python", *words]


def test_a_path_without_any_python_leaves_the_own_one(env: Path) -> None:
    own = str(env.parent / "own python")
    assert said(command(["PATH=/no/such"], None, own, ["a"])) == "own a"


def test_a_trial_run_tells_what_fails_and_what_is_chosen(env: Path) -> None:
    lines = [
        f'export PATH="{env}":$PATH',
        "no_such_command",
        "[ -e /no/such ] && true",
        "if false; then\n  true\nfi",
        "(exit 3)",
    ]
    script = f"exec 3>&1\n{trial_run(lines, 'own')}"
    told = said(["bash", "-c", script]).splitlines()
    assert told == [
        "failed: no_such_command (exit code 127)",
        "failed: ( exit 3 ) (exit code 3)",
        f"python: {env}/python",
    ]
