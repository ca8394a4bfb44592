"""A manager whose campaign's folder was moved or deleted ends, and so do its jobs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from histories import make_layout
from user_project import Project, user_project, wait_until

from hpo.errors import FolderGoneError
from hpo.folder.files import Layout, append_line
from hpo.folder.opening import make_folder
from hpo.manager.folder_watch import GONE_S, LOOK_S, FolderWatch

WAIT = 'note("pids.txt", os.getpid())\nwait_for("go")'


def test_a_folder_that_is_back_soon_was_never_gone(tmp_path: Path) -> None:
    root, aside = tmp_path / "c", tmp_path / "aside"
    root.mkdir()
    (root / "journal.jsonl").touch()
    watch = FolderWatch(Layout(root))
    watch.require_there(0.0)
    for start in (100.0, 200.0):
        root.rename(aside)
        for now in (start, start + LOOK_S, start + GONE_S - 1.0):
            watch.require_there(now)
        aside.rename(root)
        watch.require_there(start + 2 * GONE_S)
    root.rename(aside)
    watch.require_there(300.0)
    with pytest.raises(FolderGoneError, match=f"moved to {aside}"):
        watch.require_there(300.0 + GONE_S)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project.write(WAIT, n_trials=6)


def lives(pid: str) -> bool:
    try:
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("how", ["moved", "deleted"])
def test_within_a_minute_all_is_over_and_said(project: Project, how: str) -> None:
    child = project.start()
    wait_until(lambda: len(project.notes("pids.txt")) == 2, "two trials run")
    begin = time.monotonic()
    if how == "moved":
        project.output.rename(project.folder / "elsewhere")
    else:
        shutil.rmtree(project.output)
    assert child.wait(timeout=60) == 1
    assert time.monotonic() - begin < 60
    said = project.printed()
    assert f"{project.output} any more: it" in said
    assert "jobs are cancelled" in said
    wait_until(lambda: not any(map(lives, project.notes("pids.txt"))), "no trial is left")
    assert not os.path.lexists(project.output / "campaign.json")


def test_a_folder_that_was_emptied_is_gone_too(tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    layout.journal.touch()
    watch = FolderWatch(layout)
    watch.require_there(0.0)
    layout.journal.unlink()
    watch.require_there(LOOK_S)
    with pytest.raises(FolderGoneError, match="its files were deleted"):
        watch.require_there(LOOK_S + GONE_S)


def test_what_a_job_writes_does_not_make_the_folder_again(tmp_path: Path) -> None:
    trial = tmp_path / "campaign" / "trials" / "trial_0"
    with pytest.raises(FileNotFoundError):
        make_folder(trial, parents=1)
    (tmp_path / "campaign").mkdir()
    make_folder(trial, parents=1)
    append_line(trial / "reports-a0.jsonl", "{}")
