"""Files that somebody else writes, read on from where the last look ended."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from histories import NOW, claimed, drawn, offered
from watched import begun, ended, make, write

from hpo.folder.files import publish
from hpo.folder.growing import LOOK_BYTES, Growing, GrowingJournal
from hpo.folder.journal import read_events
from hpo.record import events as ev


def test_a_look_gives_the_whole_lines_that_came(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\nthr")
    file = Growing(path)
    first = file.look()
    assert (first.lines, first.rest, first.anew) == ([b"one", b"two"], b"thr", True)
    assert file.look().lines == []
    with path.open("ab") as out:
        out.write(b"ee\n\nfour\n")
    then = file.look()
    assert (then.lines, then.rest, then.anew) == ([b"three", b"", b"four"], b"", False)


def test_a_file_that_became_shorter_or_was_replaced_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"one\ntwo\n")
    file = Growing(path)
    file.look()
    os.truncate(path, 4)
    assert (file.look().lines, file.look().lines) == ([b"one"], [])
    publish(path, "another\nand longer\n")
    again = file.look()
    assert (again.anew, again.lines) == (True, [b"another", b"and longer"])


def test_only_the_tail_is_read_of_what_lies_there(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"line %d\n" % n for n in range(1000)))
    file = Growing(path, tail_bytes=25)
    assert file.look().lines == [b"line 998", b"line 999"]
    with path.open("ab") as out:
        out.write(b"more\n")
    assert file.look().lines == [b"more"]


def test_a_large_file_is_read_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "log"
    count = 3 * LOOK_BYTES // 100
    path.write_bytes(b"".join(b"%099d\n" % n for n in range(count)))
    file = Growing(path)
    lines: list[bytes] = []
    looks = 0
    while True:
        look = file.look()
        looks += 1
        lines += look.lines
        if not look.left_bytes:
            break
    assert [int(line) for line in lines] == list(range(count))
    assert looks >= 3


def test_a_line_without_an_end_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * (12 * LOOK_BYTES))
    file = Growing(path)
    sizes = []
    while (look := file.look()).lines:
        sizes += [len(line) for line in look.lines]
    assert sum(sizes) + len(look.rest) == 12 * LOOK_BYTES
    assert max(sizes) <= 11 * LOOK_BYTES


@pytest.mark.parametrize("kind", ["missing", "link", "pipe", "folder"])
def test_what_is_no_plain_file_is_no_news(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "log"
    if kind == "link":
        (tmp_path / "real").write_text("x\n")
        path.symlink_to(tmp_path / "real")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(OSError, match=r"."):
        Growing(path).look()


def test_a_journal_is_followed_to_the_same_events(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", begun(3))
    journal = GrowingJournal(layout.journal)
    seen = list(journal.look().events)
    with layout.journal.open("ab") as out:
        out.write(b'{"event": "LegCl')  # torn, as of a write that is under way
    assert journal.look().events == []
    os.truncate(layout.journal, layout.journal.stat().st_size - 16)
    write(layout, ended(1))
    seen += journal.look().events
    assert seen == read_events(layout.journal)


def test_what_no_manager_wrote_is_told_after_what_is_sound(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [ev.CampaignStarted(NOW), drawn(0)])
    journal = GrowingJournal(layout.journal)
    with layout.journal.open("a") as out:
        out.write("nonsense\n")
    write(layout, [offered(0), claimed(0)])
    look = journal.look()
    assert len(look.events) == 2
    assert "line 4" in look.fault
    journal.rewind()
    assert journal.look().anew
