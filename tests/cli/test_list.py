"""`hpo list` as a user types it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from user_project import NO_SYNC, Project, user_project

from hpo.folder.disk_use import disk_use


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with user_project(tmp_path_factory.mktemp("home")) as project:
        project.write(output_dir="hpo_results/one", n_trials=3)
        project.finish()
        other = shutil.copytree(project.output, project.folder / "hpo_results" / "two\x1b[2J")
        document = json.loads((other / "status.json").read_text())
        (other / "status.json").write_text(json.dumps(document | {"ended": None}))
        os.utime(other / "status.json", (2e9, 2e9))
        (project.folder / "hpo_results" / "notes").mkdir()
        broken = project.folder / "hpo_results" / "broken"
        broken.mkdir()
        (broken / "campaign.json").write_text("{")
        os.utime(broken / "campaign.json", (1e9, 1e9))
        yield project


def listed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "list", *words],
        cwd=folder,
        env=os.environ | NO_SYNC,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def test_the_campaigns_the_newest_first(home: Project) -> None:
    head, *rows = listed(home.folder).stdout.splitlines()
    assert head.split() == ["campaign", "stands", "trials", "best", "changed", "size"]
    assert [row.split()[0] for row in rows] == ["two\\x1b[2J", "one", "broken"]
    two, one, broken = rows
    assert "no manager" in two
    assert "ended: all trials ended" in one
    assert "3/3" in one
    assert one.endswith("kB")
    assert "campaign.json cannot be read" in broken


def test_json_for_programs(home: Project) -> None:
    lines = listed(home.folder, "hpo_results", "--json").stdout.splitlines()
    two, one, broken = (json.loads(line) for line in lines)
    assert (two["stands"], one["n_trials"], broken["trials"]) == ("no manager", 3, None)
    assert one["trials"]["completed"] == 3
    assert one["bytes"] > 1000
    assert one["folder"] == str(home.output)


def test_where_there_is_none(home: Project, tmp_path: Path) -> None:
    assert "hpo_results cannot be listed" in listed(tmp_path).stderr
    assert listed(tmp_path, ".").stdout == "no campaign in .\n"
    itself = listed(home.folder, "hpo_results/one")
    assert itself.returncode == 2
    assert "is a campaign itself" in itself.stderr


def test_links_are_not_followed_and_names_of_one_file_count_once(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_bytes(b"x" * 1000)
    os.link(tmp_path / "in" / "a", tmp_path / "in" / "b")
    (tmp_path / "far").write_bytes(b"x" * 10**6)
    (tmp_path / "in" / "link").symlink_to(tmp_path / "far")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    found = disk_use(tmp_path / "in")
    assert 1000 <= found.size < 2000
    assert (found.files, found.is_all) == (3, True)
    assert not disk_use(tmp_path / "in", most_entries=2).is_all
    assert not disk_use(tmp_path / "nowhere").is_all
