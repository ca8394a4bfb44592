"""`hpo init` as a user types it, and the campaigns that follow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from user_project import NO_SYNC, ROOT, TIMEOUT_S, Project

sys.path.append(str(ROOT / "tests" / "settings"))
import scripts_to_propose_for as scripts


def init(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "init", *arguments],
        cwd=folder,
        env=os.environ | NO_SYNC,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_it_says_in_three_lines_what_to_do_next_and_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(scripts.POSITIONAL)
    done = init(tmp_path, "train.py")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert "fill in 1 marked" in lines[0]
    assert "hpo doctor --config train_search.yaml" in lines[1]
    assert "hpo run --config train_search.yaml" in lines[2]
    written = (tmp_path / "train_search.yaml").read_text()
    again = init(tmp_path, "train.py")
    assert again.returncode == 2
    assert "is left as it is" in again.stderr
    assert (tmp_path / "train_search.yaml").read_text() == written
    assert init(tmp_path, "train.py", "-o", "other.yaml").returncode == 0
    assert init(tmp_path, "train.py", "-o", "other.py").returncode == 2
    assert init(tmp_path, "train.py", "-o", "no/folder/x.yaml").returncode == 2
    assert init(tmp_path, "nothing.py").returncode == 2


def test_the_script_is_never_run(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(f"open('ran', 'w')\n{scripts.MNIST}")
    assert init(tmp_path, "train.py").returncode == 0
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("text", "named", "changes"),
    [
        (scripts.ARGPARSE.replace("str2bool", "bool"), "train.py", ()),
        (scripts.CLICK, "train.py", ()),
        (scripts.POSITIONAL, "train.py", ()),
        (scripts.FUNCTIONS, "train.py:objective", ()),
        (scripts.FUNCTIONS, "train:train", ()),
    ],
    ids=["argparse", "click", "positional", "objective", "keywords"],
)
def test_a_proposed_configuration_runs(
    tmp_path: Path, text: str, named: str, changes: tuple[str, ...]
) -> None:
    (tmp_path / "train.py").write_text(text)
    assert init(tmp_path, named, "-o", "search.yaml").returncode == 0
    project = Project(tmp_path, {"output_dir": "results"})
    settings = ["hpo.n_trials=2", "hpo.max_concurrent_jobs=2", *changes]
    out = project.finish("--config", "search.yaml", "--output-dir", "results", "--set", *settings)
    assert "2 completed" in out or project.final()["n_trials"] == 2
    assert [project.result(i)["status"] for i in range(2)] == ["completed"] * 2
    assert all(project.result(i)["error"] is not None for i in range(2))
