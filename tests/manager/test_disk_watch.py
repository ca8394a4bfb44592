"""A full disk, under which running jobs stand still, is said once, and so is its end."""

from __future__ import annotations

import logging

import pytest
from conftest import SmallDisk

from hpo.folder.files import Layout
from hpo.manager.disk_watch import LOOK_S, DiskWatch


def test_it_is_said_once_and_when_it_is_over(
    small_disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    layout = Layout(small_disk.root / "c")
    layout.create()
    watch = DiskWatch(layout)
    watch.look(0.0, 4)
    assert caplog.messages == []
    small_disk.fill()
    watch.look(LOOK_S - 1.0, 4)
    assert caplog.messages == [], "it is not tried all the time"
    for now in (LOOK_S, 2 * LOOK_S, 5 * LOOK_S):
        watch.look(now, 4)
    (said,) = caplog.messages
    assert "no room in" in said
    assert "jobs that run (4) cannot save" in said
    small_disk.make_room()
    watch.look(6 * LOOK_S, 4)
    watch.look(7 * LOOK_S, 4)
    assert "there is room" in caplog.messages[1]
    assert "full for 50 s" in caplog.messages[1]
    assert len(caplog.messages) == 2
    assert list(layout.jobs.iterdir()) == []


def test_other_trouble_is_not_its_business(
    small_disk: SmallDisk, caplog: pytest.LogCaptureFixture
) -> None:
    watch = DiskWatch(Layout(small_disk.root / "nowhere"))
    watch.look(0.0, 1)
    assert not watch.is_full(OSError(5, "Input/output error"), 1.0)
    assert watch.is_full(OSError(122, "Disk quota exceeded"), 2.0)
    assert "jobs that run (some)" in caplog.text
