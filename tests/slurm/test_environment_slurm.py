"""The environment of the jobs on the real SLURM: chosen by env_setup, told where it fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from campaigns import Project
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]


def test_jobs_run_in_the_python_that_env_setup_puts_on_the_path(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=2, epochs=1, epoch_s=0.1)
    other = tmp_path / "it's an env" / "python"
    other.parent.mkdir()
    other.write_text(
        f'#!/bin/sh\nexport CUDA_VISIBLE_DEVICES=chosen\nexec "{sys.executable}" "$@"\n'
    )
    other.chmod(0o755)
    lines = [f'export PATH="{other.parent}:$PATH"', "module load no/such"]
    path = project.folder / "search.py"
    path.write_text(
        path.read_text().replace(
            '"gpus": 1}', f'"env_setup_strict": False, "env_setup": {lines!r}}}'
        )
    )
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    project.require_all_once()
    started = (project.folder / "started.txt").read_text().splitlines()
    assert sorted(started) == ["0 chosen", "1 chosen"]
    assert f"trials run with {other}, as env_setup chooses" in done.stdout
    assert done.stdout.count("env_setup failed") == 1
    assert "it goes on without what failed: line 2 of env_setup, module load no/such" in done.stdout


@pytest.mark.parametrize(
    "memory", ['"extra": {"mem-per-cpu": "300M"}', '"mem": None', '"mem": "0"']
)
def test_memory_as_another_cluster_wants_it(slurm: RealSlurm, tmp_path: Path, memory: str) -> None:
    project = Project(tmp_path / "project", n_trials=2, epochs=1, epoch_s=0.1)
    path = project.folder / "search.py"
    path.write_text(path.read_text().replace('"mem": "500M", "gpus": 1', memory))
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    project.require_all_once()
