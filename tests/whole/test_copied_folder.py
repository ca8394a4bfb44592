"""A campaign's folder copied or moved in mid-campaign, on local processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from user_project import NO_SYNC, TRAIN, Project, kill, user_project, wait_until

WAIT = 'note("where.txt", os.getppid())\nwait_for("go")' + TRAIN


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project.write(WAIT, n_trials=6)


def begun(project: Project) -> subprocess.Popen[str]:
    child = project.start()
    wait_until(lambda: project.printed().count("started, job") == 2, "two trials run")
    return child


def name_of(folder: Path) -> str:
    return str(json.loads((folder / "campaign.json").read_text())["campaign"])


def decided(folder: Path, event: str) -> Counter[int]:
    lines = map(json.loads, (folder / "journal.jsonl").read_text().splitlines())
    return Counter(record["trial_id"] for record in lines if record.get("event") == event)


def require_whole(folder: Path) -> None:
    """Each trial ended once, and has its one result."""
    assert decided(folder, "TrialCompleted") == Counter(range(6))
    results = [json.loads(p.read_text()) for p in sorted(folder.glob("results/*.json"))]
    assert [(r["trial_id"], r["status"]) for r in results] == [(i, "completed") for i in range(6)]
    assert json.loads((folder / "final_results.json").read_text())["n_trials"] == 6


def live_pids(folder: Path) -> set[int]:
    records = [json.loads(p.read_text()) for p in folder.glob("jobs/live/*.json")]
    return {r["pid"] for r in records if r.get("pid") and psutil.pid_exists(r["pid"])}


@pytest.mark.parametrize("dead", [False, True], ids=["live original", "dead original"])
def test_a_copy_in_mid_campaign_goes_on_by_itself_and_the_original_too(
    project: Project, dead: bool
) -> None:
    child = begun(project)
    if dead:
        kill(child)
    copy = project.folder / "copy"
    shutil.copytree(project.output, copy, symlinks=True)
    theirs = live_pids(project.output)
    second = project.start("--output-dir", "copy")
    wait_until(lambda: project.printed().count("started, job") == 2, "the copy runs trials")
    said = project.printed()
    assert f"copied from {project.output}" in said
    assert "the 2 legs that jobs held there are offered again" in said
    assert name_of(copy) != name_of(project.output)
    assert live_pids(project.output) == theirs
    assert not live_pids(copy) & theirs
    project.go()
    assert second.wait(timeout=100) == 0
    assert decided(copy, "LegLost") == Counter([0, 1])
    if dead:
        project.finish()
    else:
        assert child.wait(timeout=100) == 0
    require_whole(copy)
    require_whole(project.output)
    assert decided(project.output, "LegLost") == Counter()


def test_a_copy_started_again_is_no_copy_any_more(project: Project) -> None:
    child = begun(project)
    copy = project.folder / "copy"
    shutil.copytree(project.output, copy, symlinks=True)
    second = project.start("--output-dir", "copy")
    wait_until(lambda: project.printed().count("started, job") == 2, "the copy runs trials")
    name, mine = name_of(copy), live_pids(copy)
    kill(second)
    third = project.start("--output-dir", "copy")
    wait_until(lambda: "(resumed)" in project.printed(), "it goes on")
    project.go()
    assert third.wait(timeout=100) == 0
    assert "copied from" not in project.printed()
    assert name_of(copy) == name
    assert len(mine) == 2
    assert decided(copy, "LegLost") == Counter([0, 1])  # of the original alone
    assert child.wait(timeout=100) == 0
    require_whole(copy)
    require_whole(project.output)


def test_a_moved_campaign_goes_on(project: Project) -> None:
    project.write('note("at.txt", HERE)\ntime.sleep(0.3)' + TRAIN)
    child = project.start()
    wait_until(lambda: len(list(project.output.glob("results/*.json"))) >= 2, "some trials ended")
    kill(child)
    old = name_of(project.output)
    moved = project.folder / "moved"
    project.output.rename(moved)
    printed = project.finish("--output-dir", "moved")
    assert f"moved from {project.output}" in printed
    assert name_of(moved) != old
    require_whole(moved)
    assert not (project.output / "campaign.json").exists()


def test_the_same_folder_under_another_name_is_no_copy(project: Project) -> None:
    child = begun(project)
    name = name_of(project.output)
    (project.folder / "link").symlink_to(project.output)
    refused = project.run("--output-dir", "link")
    assert refused.returncode == 3
    assert f"process {child.pid} on" in refused.stderr
    kill(child)
    project.go()
    printed = project.finish("--output-dir", "link")
    assert "copied" not in printed
    assert name_of(project.output) == name
    require_whole(project.output)
    assert project.started() == dict.fromkeys(range(6), 1)


def test_stopping_a_copy_that_was_never_started_stops_nothing(project: Project) -> None:
    child = begun(project)
    copy = project.folder / "copy"
    shutil.copytree(project.output, copy, symlinks=True)
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "stop", "copy", "--kill"],
        cwd=project.folder,
        env=os.environ | NO_SYNC,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"copied or moved from {project.output}" in done.stderr
    assert len(live_pids(project.output)) == 2
    assert not (copy / "stop.json").exists()
    project.go()
    assert child.wait(timeout=100) == 0
    require_whole(project.output)


def test_a_copy_may_be_replaced_by_a_fresh_campaign(project: Project) -> None:
    child = begun(project)
    copy = project.folder / "copy"
    shutil.copytree(project.output, copy, symlinks=True)
    project.go()
    assert "(new)" in project.finish("--output-dir", "copy", "--fresh")
    assert child.wait(timeout=100) == 0
    require_whole(copy)
    require_whole(project.output)


def test_a_copy_made_piece_by_piece_while_trials_ran_goes_on(project: Project) -> None:
    """Folders of different moments: offers from before the claims, the journal from the start."""
    child = begun(project)
    copy = project.folder / "copy"
    shutil.copytree(project.output, copy, symlinks=True)
    project.go()
    assert child.wait(timeout=100) == 0
    # The offers of running trials as they were before, and what has come of two meanwhile.
    for trial_id in (0, 1):
        (claim,) = copy.glob(f"claims/trial_{trial_id}.*.json")
        shutil.copy(claim, copy / "offers" / f"trial_{trial_id}.rung_0.a0.json")
    for part in ("trials", "results"):
        subprocess.run(["cp", "-a", project.output / part, copy], check=True)
    project.finish("--output-dir", "copy")
    require_whole(copy)
