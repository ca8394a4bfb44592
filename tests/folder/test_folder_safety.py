"""Who may read and write a campaign's folder; what is refused before anything starts."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from user_project import TRAIN, Project, user_project

from hpo.folder.files import Layout
from hpo.folder.safety import create, exposure_problems


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project.write(TRAIN)


@pytest.fixture
def open_umask() -> Iterator[None]:
    """As on clusters where each user has a group of their own."""
    before = os.umask(0o002)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def everything(folder: Path) -> list[Path]:
    return [folder, *(p for p in folder.rglob("*") if not p.is_symlink())]


def run_with(
    shell_umask: str, project: Project, *arguments: str
) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", f'umask {shell_umask}; exec "$@"', "bash"]
    return subprocess.run(
        [*command, *project.command(*arguments)],
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("umask", ["000", "002", "077"])
def test_a_campaign_is_private_whatever_the_umask(project: Project, umask: str) -> None:
    assert run_with(umask, project).returncode == 0
    assert mode(project.output) == 0o700
    assert mode(project.output / "jobs") == 0o700


@pytest.mark.parametrize("umask", ["000", "002", "077"])
def test_the_group_may_read_everything_and_write_nothing(project: Project, umask: str) -> None:
    project.write("trial.restore(seen={'n': 1})\n" + TRAIN, sharing="group")
    assert run_with(umask, project).returncode == 0
    found = everything(project.output)
    assert {"result-a0.json", "manifest.json", "journal.jsonl"} <= {p.name for p in found}
    assert any(p.suffix == ".out" for p in found)
    for path in found:
        assert mode(path) == (0o750 if path.is_dir() else 0o640), path


def test_a_private_campaign_may_be_opened_to_the_group_later(project: Project) -> None:
    assert run_with("022", project).returncode == 0
    project.write(sharing="group")
    assert run_with("022", project).returncode == 0
    for folder in (project.output, project.output / "results", project.output / "jobs"):
        assert mode(folder) & 0o772 == 0o750


@pytest.mark.parametrize("bits", [0o020, 0o002, 0o022])
def test_a_folder_that_others_can_write_is_refused_with_the_command_to_type(
    project: Project, bits: int
) -> None:
    project.output.mkdir()
    project.output.chmod(0o755 | bits)
    refused = project.run()
    assert refused.returncode == 2
    for _ in range(2):  # everybody first, then the group
        line = next((x for x in refused.stderr.splitlines() if "chmod" in x), None)
        if line is None:
            break
        command = line.split(": ")[-1] if "o-w" in line else line.split("chmod ")[1].split(" (")[0]
        command = command if command.startswith("chmod") else f"chmod {command}"
        subprocess.run(["bash", "-c", command], check=True)
        refused = project.run()
    assert refused.returncode == 0
    assert project.started() == dict.fromkeys(range(4), 1)


def test_a_group_that_is_trusted_may_write_beside_jobs_but_not_replace_them(
    project: Project,
) -> None:
    project.write(sharing="group-writable")
    project.output.mkdir()
    project.output.chmod(0o770)
    refused = project.run()
    assert refused.returncode == 2
    assert "chmod +t" in refused.stderr
    project.output.chmod(0o1770)
    project.finish()
    assert mode(project.output) == 0o1770
    assert mode(project.output / "jobs") == 0o750
    project.output.chmod(0o1777)
    assert "chmod o-w" in project.run().stderr


@pytest.mark.parametrize("name", ["jobs", "campaign.json"])
def test_what_jobs_run_must_not_be_written_by_others(project: Project, name: str) -> None:
    project.finish()
    project.output.chmod(0o755)
    path = project.output / name
    before = mode(path)
    path.chmod(before | 0o020)
    refused = project.run("--set", "hpo.n_trials=5")
    assert refused.returncode == 2
    assert "chmod go-w" in refused.stderr
    assert project.started() == dict.fromkeys(range(4), 1)
    path.chmod(before)
    project.finish("--set", "hpo.n_trials=5")


def test_a_folder_of_jobs_that_leads_elsewhere_is_refused(project: Project) -> None:
    project.finish()
    jobs = project.output / "jobs"
    jobs.rename(project.folder / "elsewhere")
    jobs.symlink_to(project.folder / "elsewhere")
    refused = project.run()
    assert refused.returncode == 2
    assert "is no folder" in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("what", ["root", "jobs", "campaign"])
def test_what_belongs_to_somebody_else_is_refused(tmp_path: Path, what: str) -> None:
    layout = Layout(tmp_path / "c")
    create(layout, "private")
    layout.campaign.write_text("{}")
    os.chown(getattr(layout, what), 12345, -1)
    (problem,) = exposure_problems(layout.root, "group-writable")
    assert "belongs to user 12345" in problem


@pytest.mark.usefixtures("open_umask")
def test_an_older_private_campaign_with_open_folders_inside_is_mended(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "c")
    layout.root.mkdir(mode=0o700)
    for folder in layout.inner:
        folder.mkdir()
    layout.campaign.write_text("{}")
    assert mode(layout.jobs) == 0o775
    assert exposure_problems(layout.root, "private") == []
    create(layout, "private")
    assert mode(layout.jobs) == mode(layout.offers) == 0o700


def test_a_folder_that_is_not_there_yet_exposes_nothing(tmp_path: Path) -> None:
    assert exposure_problems(tmp_path / "new", "private") == []
