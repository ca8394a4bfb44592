"""A folder that was moved or deleted is told apart from a file server that is away."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpo.folder.presence import FolderPresence


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    root = tmp_path / "project" / "results" / "campaign"
    root.mkdir(parents=True)
    return root


def test_what_is_there_is_there_whatever_is_in_it(campaign: Path) -> None:
    presence = FolderPresence(campaign)
    (campaign / "new").mkdir()
    assert presence.why_gone() is None


def test_a_deleted_folder_is_gone(campaign: Path) -> None:
    presence = FolderPresence(campaign)
    campaign.rmdir()
    assert presence.why_gone() == "it was deleted"


def test_a_moved_folder_is_gone_and_it_is_said_where_to(campaign: Path, tmp_path: Path) -> None:
    presence = FolderPresence(campaign)
    campaign.rename(tmp_path / "elsewhere")
    assert presence.why_gone() == f"it was moved to {tmp_path / 'elsewhere'}"
    (tmp_path / "elsewhere").rename(campaign)
    assert presence.why_gone() is None, "it is back"


def test_another_folder_in_its_place_is_not_it(campaign: Path, tmp_path: Path) -> None:
    presence = FolderPresence(campaign)
    campaign.rename(tmp_path / "elsewhere")
    campaign.mkdir()
    assert presence.why_gone() == f"it was moved to {tmp_path / 'elsewhere'}"


@pytest.mark.parametrize("again", [False, True], ids=["gone", "made again"])
def test_so_is_one_of_which_the_folder_above_was_deleted(campaign: Path, *, again: bool) -> None:
    presence = FolderPresence(campaign)
    shutil.rmtree(campaign.parents[1])
    if again:
        campaign.mkdir(parents=True)
    assert presence.why_gone() == "it was deleted"


def test_a_folder_that_cannot_be_looked_at_is_no_news(
    campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    presence = FolderPresence(campaign)
    campaign.rmdir()

    def away(*_: object, **__: object) -> None:
        raise OSError(116, "Stale file handle")

    for name in ("scandir", "stat"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, away)
            assert presence.why_gone() is None
    assert presence.why_gone() == "it was deleted"


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A file server, as far as paths can tell."""
    root = tmp_path / "server"
    root.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(root)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False).returncode:
        pytest.skip("NO DISK TO FILL: nothing can be mounted")
    yield root
    subprocess.run(["umount", "-l", str(root)], check=False, stderr=subprocess.DEVNULL)


def test_a_mount_that_is_away_is_no_news(mounted: Path) -> None:
    campaign = mounted / "results" / "campaign"
    campaign.mkdir(parents=True)
    below, on_it = FolderPresence(campaign), FolderPresence(mounted)
    subprocess.run(["umount", "-l", str(mounted)], check=True)
    assert below.why_gone() is None
    assert on_it.why_gone() is None
