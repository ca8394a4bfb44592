"""`hpo clean` as a user types it: it tells, asks, and takes nothing that somebody needs."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from user_project import NO_SYNC, Project, kill, user_project, wait_until

SAVING = """
state = {"epoch": 0, "ballast": "x" * 100_000}
trial.restore(state=state)
for epoch in trial.epochs():
    state["epoch"] = epoch
    trial.report(epoch=epoch, validation_error=config["lr"] + 1 / epoch)
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Four trials that have ended, each with its checkpoint, and one that was moved aside."""
    with user_project(tmp_path_factory.mktemp("ended")) as project:
        project.write(SAVING, n_trials=2, keep_checkpoints="all")
        project.finish()
        project.write(n_trials=4)
        project.write(SAVING)
        project.finish("--fresh")
        yield project


@pytest.fixture
def project(ended: Project, tmp_path: Path) -> Iterator[Project]:
    """A copy of it, in which the campaign goes on where it lies."""
    shutil.copytree(ended.folder, tmp_path / "home", symlinks=True)
    with user_project(tmp_path / "home") as copy:
        copy.settings = dict(ended.settings)
        path = copy.output / "campaign.json"
        path.write_text(path.read_text().replace(str(ended.folder), str(copy.folder)))
        yield copy


def clean(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "clean", "results", *words],
        cwd=project.folder,
        env=os.environ | NO_SYNC,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def files(project: Project) -> set[str]:
    return {str(path.relative_to(project.folder)) for path in project.folder.rglob("*")}


def best_of(project: Project) -> int:
    best: int = project.final()["best_trial_id"]
    return best


def test_it_tells_and_removes_nothing(project: Project) -> None:
    before = files(project)
    done = clean(project, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "files  checkpoints that no trial goes on from" in done.stdout
    assert "files  logs of jobs" in done.stdout
    assert "files  campaigns that --fresh moved aside" in done.stdout
    assert "results.old-" in done.stdout
    nobody = clean(project)
    assert nobody.returncode == 2
    assert "nobody can say yes here: type `hpo clean results --yes`" in nobody.stderr
    assert files(project) == before


@pytest.mark.parametrize(("answer", "removes"), [("n", False), ("", False), ("y", True)])
def test_a_person_is_asked(project: Project, answer: str, removes: bool) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "hpo", "clean", "results"]
    child = subprocess.Popen(
        command,
        cwd=project.folder,
        env=os.environ | NO_SYNC,
        stdin=theirs,
        stdout=subprocess.PIPE,
        text=True,
    )
    os.write(ours, f"{answer}\n".encode())
    told, _ = child.communicate(timeout=100)
    os.close(ours)
    os.close(theirs)
    assert child.returncode == 0
    assert ("removed " in told) is removes
    assert ("nothing was removed" in told) is not removes
    assert bool(list(project.folder.glob("results.old-*"))) is not removes


def test_what_is_needed_stays_and_the_campaign_goes_on(project: Project) -> None:
    best = best_of(project)
    users = project.output / "trials" / f"trial_{(best + 1) % 4}" / "checkpoint" / "user"
    users.mkdir(exist_ok=True)
    (users / "mine.txt").write_text("mine")
    results = {path.name for path in (project.output / "results").iterdir()}
    done = clean(project, "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "removed " in done.stdout
    left = {path.parent.parent.name for path in project.output.glob("trials/*/checkpoint/epoch_*")}
    assert left == {f"trial_{best}"}
    assert (users / "mine.txt").read_text() == "mine"
    assert {path.name for path in (project.output / "results").iterdir()} == results
    assert not list(project.output.glob("jobs/*.out"))
    assert not list(project.output.glob("trials/*/job_*.out")), "links that lead nowhere"
    assert not list(project.folder.glob("results.old-*"))
    assert clean(project, "--yes").stdout.startswith("nothing in ")
    project.write(SAVING, n_trials=6)
    project.finish()
    assert project.final()["n_completed"] == 6


def test_no_link_is_followed(project: Project, tmp_path: Path) -> None:
    far = tmp_path / "far"
    far.mkdir()
    (far / "campaign.json").write_text("{}")
    (far / "epoch_2-a0").mkdir()
    (far / "epoch_2-a0" / "precious").write_text("precious")
    (project.output / "jobs" / "linked.out").symlink_to(far / "campaign.json")
    other = next(n for n in range(4) if n != best_of(project))
    home = project.output / "trials" / f"trial_{other}" / "checkpoint"
    shutil.rmtree(home)
    home.symlink_to(far)
    (project.folder / "results.old-20250101-000000").symlink_to(far)
    strange = project.folder / "results.old-20250101-000001"
    strange.mkdir()
    (strange / "notes.txt").write_text("no campaign")
    done = clean(project, "--yes")
    assert done.returncode == 0, done.stderr
    assert (far / "epoch_2-a0" / "precious").read_text() == "precious"
    assert (far / "campaign.json").exists()
    assert (project.output / "jobs" / "linked.out").is_symlink()
    assert (strange / "notes.txt").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_somebody_else_stays(project: Project) -> None:
    old = next(project.folder.glob("results.old-*"))
    theirs = old / "results" / "trial_0.json"
    os.chown(theirs, 12345, 12345)
    log = next(project.output.glob("jobs/*.out"))
    os.chown(log, 12345, 12345)
    done = clean(project, "--yes")
    assert done.returncode == 75
    assert "belongs to somebody else" in done.stdout
    assert theirs.exists()
    assert log.exists()
    os.chown(project.output, 12345, 12345)
    refused = clean(project, "--yes")
    assert refused.returncode == 2
    assert "can clean it" in refused.stderr


def test_never_while_a_manager_or_a_job_lives(tmp_path: Path) -> None:
    with user_project(tmp_path) as project:
        body = f"if trial.trial_id == 1: wait_for('go')\n{SAVING}"
        project.write(body, n_trials=2, keep_checkpoints="all")
        child = project.start()
        result = project.output / "results" / "trial_0.json"
        wait_until(lambda: result.exists() and 1 in project.started(), "one ended, one runs")
        before = set(project.output.rglob("epoch_*"))
        beside = clean(project, "--yes")
        assert beside.returncode == 3
        assert "is held by process" in beside.stderr
        kill(child)
        orphaned = clean(project, "--yes")
        assert orphaned.returncode == 3
        assert "1 trials of " in orphaned.stderr
        assert set(project.output.rglob("epoch_*")) == before
        project.go()


def test_nobody_can_say_whether_a_manager_elsewhere_lives(project: Project) -> None:
    record = json.loads((project.output / "manager.json").read_text())
    root = str(project.output)
    (project.output / "manager.json").write_text(
        json.dumps(record | {"host": "hal48", "root": root, "job_id": None})
    )
    (project.output / "manager.lock").write_text("1\nhal48\n")
    done = clean(project, "--yes")
    assert done.returncode == 3
    assert "nobody but you can say if it lives" in done.stderr
