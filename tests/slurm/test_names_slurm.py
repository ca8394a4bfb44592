"""Names that break careless quoting, all the way through a real SLURM."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

VALUES = [
    "two words",
    "it's",
    'a "b"',
    "$(touch hacked)",
    "`touch hacked`",
    "a\nb",
    "ü λ 漢",
    "%j|\\",
]
FOLDERS = [
    """it's a "folder" $(touch hacked) `touch hacked`; touch hacked""",
    "Übung 漢字 & <x> 'y' #SBATCH --time=1",
]


def project_with_values(folder: Path) -> Project:
    project = Project(folder, n_trials=len(VALUES), epochs=1, epoch_s=0.1)
    path = project.folder / "search.py"
    text = path.read_text().replace('"width": randint(8, 64)', f'"width": {VALUES!r}')
    text = text.replace('"lr": loguniform(1e-4, 1.0)', '"lr": 0.5')
    path.write_text(text)
    return project


@pytest.mark.parametrize("name", FOLDERS)
def test_paths_and_values_arrive_as_they_were_written(
    slurm: RealSlurm, tmp_path: Path, name: str
) -> None:
    project = project_with_values(tmp_path / name)
    project.folder.joinpath("output").mkdir()
    output = f"{name} of results"
    done = project.run("--output-dir", output)
    assert done.returncode == 0, done.stdout + done.stderr
    results = [
        json.loads(p.read_text()) for p in (project.folder / output).glob("results/trial_*.json")
    ]
    assert [r["status"] for r in results] == ["completed"] * len(VALUES)
    assert sorted(r["config"]["width"] for r in results) == sorted(VALUES)
    logs = list((project.folder / output).glob("trials/*/job_*.out"))
    assert len(logs) == len(VALUES)
    assert all(log.exists() for log in logs)
    assert not list(tmp_path.rglob("hacked"))
    assert not Path("/hacked").exists()


def test_a_configuration_of_any_name_gives_a_job_a_plain_one(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = project_with_values(tmp_path / "project")
    odd = project.folder / "se|arch, $(touch hacked).py"
    (project.folder / "search.py").rename(odd)
    command = ["--config", str(odd)]
    done = project.run(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    name = json.loads((project.output / "campaign.json").read_text())["campaign"]
    assert name.startswith("se-arch-touch-hacked-")
    assert not list(tmp_path.rglob("hacked"))


@pytest.mark.parametrize("name", ["two\nlines", "100%j", "back\\slash"])
def test_paths_that_slurm_cannot_carry_are_refused_before_anything_is_submitted(
    slurm: RealSlurm, tmp_path: Path, name: str
) -> None:
    project = project_with_values(tmp_path / "project")
    done = project.run("--output-dir", name)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "choose another output_dir" in done.stderr
    assert not (project.folder / name).exists()


def test_the_group_may_read_what_jobs_on_nodes_write(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", n_trials=4, epochs=1, epoch_s=0.1)
    before = os.umask(0o077)
    try:
        done = project.run("--set", "hpo.sharing=group")
    finally:
        os.umask(before)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [project.output, *project.output.rglob("*")]
    assert any(path.name.endswith("_log.out") for path in found)
    for path in (p for p in found if not p.is_symlink()):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o040, path
        assert not mode & 0o027, path
    wait_until(lambda: not slurm.run("squeue", "-h", "-n", "trial"), 30, "its jobs are gone")
