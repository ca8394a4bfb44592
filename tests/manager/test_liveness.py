"""Whether a manager lives: its beat proves it, and nothing else but its process does."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from hpo.folder.files import Layout
from hpo.manager.liveness import Life, judge, look
from hpo.manager.lock import Holder, this_process
from hpo.report.status_document import Beat

NOW = 1764590400.0
HOLDER = Holder("hal48", 4711, "812", 0, "n", NOW - 9000.0)


@pytest.mark.parametrize(
    ("ago_s", "life"),
    [(0.0, Life.LIVES), (29.0, Life.LIVES), (140.0, Life.LIVES), (200.0, Life.SILENT)],
)
def test_elsewhere_the_beat_decides_and_no_beat_proves_nothing(ago_s: float, life: Life) -> None:
    beat = Beat(NOW - ago_s, 30.0, "hal48", 4711, "812")
    seen = judge(HOLDER, beat, NOW, lambda _holder: None)
    assert (seen.life, seen.seen_at, seen.job_id) == (life, NOW - ago_s, "812")


def test_here_the_process_decides() -> None:
    old, new = Beat(NOW - 9000.0, host="hal48", pid=4711), Beat(NOW, host="hal48", pid=4711)
    assert judge(HOLDER, old, NOW, lambda _holder: False).life is Life.LIVES
    assert judge(HOLDER, new, NOW, lambda _holder: True).life is Life.DEAD


def test_one_that_has_just_begun_is_not_taken_for_the_one_before() -> None:
    beat = Beat(NOW - 9000.0, host="hal1", pid=1)
    seen = judge(replace(HOLDER, since=NOW - 5.0), beat, NOW, lambda _holder: None)
    assert (seen.life, seen.seen_at, seen.host) == (Life.LIVES, NOW - 5.0, "hal48")
    later = judge(replace(HOLDER, since=NOW - 900.0), replace(beat, at=NOW), NOW, lambda _h: None)
    assert later.life is Life.SILENT, "that is the beat of another one"


def test_without_a_lock_there_is_none() -> None:
    seen = judge(None, Beat(NOW - 60.0, host="hal48"), NOW, lambda _holder: None)
    assert (seen.life, seen.seen_at, seen.host) == (Life.NONE, NOW - 60.0, "hal48")


def hold(tmp_path: Path, holder: Holder) -> Layout:
    layout = Layout(tmp_path)
    layout.lock.touch()
    layout.manager.write_text(json.dumps(asdict(holder)))
    return layout


def test_processes_of_this_machine(tmp_path: Path) -> None:
    mine = replace(this_process(), root=str(tmp_path))
    assert look(hold(tmp_path, mine), Beat()).life is Life.LIVES
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    gone = Holder(socket.gethostname(), child.pid, None, 0, "n", time.time(), str(tmp_path))
    assert look(hold(tmp_path, gone), Beat(time.time())).life is Life.DEAD
    reused = replace(mine, began="another boot:1")
    assert look(hold(tmp_path, reused), Beat(time.time())).life is Life.DEAD
    older = replace(mine, began="")  # who began it is not known
    assert look(hold(tmp_path, older), Beat()).life is Life.LIVES
    unreadable = replace(older, pid=10**30)
    assert look(hold(tmp_path, unreadable), Beat(NOW)).life is Life.SILENT
    copied = replace(mine, root=str(tmp_path.parent))
    assert look(hold(tmp_path, copied), Beat(NOW)).life is Life.NONE
    others = replace(older, pid=1)
    assert look(hold(tmp_path, others), Beat()).life is Life.LIVES or os.geteuid() == 0
