"""The journal after crashes, full disks and other hands."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from histories import NOW, claimed, drawn, finished, offered

from hpo.errors import JournalError, JournalForkError
from hpo.folder.journal import Header, Journal, read_events
from hpo.record import events as ev

HEADER = Header("my campaign", "0123abcd")
EVENTS: list[ev.Event] = [
    ev.CampaignStarted(NOW),
    drawn(0),
    offered(0),
    claimed(0),
    finished(0, message="two\nlines, \r and Grüße \u2028 \x85"),
    ev.TrialCompleted(NOW, 0),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def write(path: Path, events: list[ev.Event]) -> bytes:
    Journal(path, HEADER).append(events)
    return path.read_bytes()


def test_what_was_appended_is_there_after_a_restart(path: Path) -> None:
    journal = Journal(path, HEADER)
    assert journal.events == []
    journal.append(EVENTS[:2])
    journal.append(iter(EVENTS[2:]))
    again = Journal(path, Header("other", "other"))
    assert again.events == EVENTS
    assert again.header == HEADER
    assert read_events(path) == EVENTS


def test_each_event_is_one_line(path: Path) -> None:
    assert write(path, EVENTS).count(b"\n") == len(EVENTS) + 1


def test_appending_nothing_writes_nothing_and_asks_no_guard(path: Path) -> None:
    def guard() -> None:
        raise AssertionError

    journal = Journal(path, HEADER, guard=guard)
    before = path.read_bytes()
    journal.append([])
    assert path.read_bytes() == before


def test_a_journal_cut_anywhere_is_repaired_to_its_last_whole_line(path: Path) -> None:
    whole = write(path, EVENTS)
    for size in range(len(whole)):
        torn = whole[:size]
        path.write_bytes(torn)
        lines = torn.count(b"\n")
        assert read_events(path) == EVENTS[: max(0, lines - 1)]
        journal = Journal(path, HEADER)
        assert journal.events == EVENTS[: max(0, lines - 1)]
        journal.append([ev.CampaignEnded(NOW, "repaired")])
        again = Journal(path, HEADER)
        assert again.events == [*journal.events, ev.CampaignEnded(NOW, "repaired")]


@pytest.mark.parametrize("garbage", [b"\0" * 100, b'{"event": "Tri', b"\xff\xfe", b"5"])
def test_garbage_behind_the_last_line_is_cut_off(path: Path, garbage: bytes) -> None:
    whole = write(path, EVENTS)
    path.write_bytes(whole + garbage)
    assert Journal(path, HEADER).events == EVENTS
    assert path.read_bytes() == whole


def test_reading_changes_nothing(path: Path) -> None:
    torn = write(path, EVENTS)[:-3]
    path.write_bytes(torn)
    read_events(path)
    assert path.read_bytes() == torn


@pytest.mark.parametrize(
    "bad",
    [
        b"not json",
        b"",
        b"5",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b"\xff\xfe\xfd",
        b'{"event": "TrialExploded", "time": 1.0}',
        b'{"event": "TrialCompleted", "time": 1.0}',
        b'{"event": "TrialCompleted", "time": 1.0, "trial_id": 0, "more": 1}',
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("number", [2, 4, 7])
def test_a_bad_line_inside_is_an_error_that_names_it(path: Path, bad: bytes, number: int) -> None:
    lines = write(path, EVENTS).split(b"\n")
    lines[number - 1] = bad
    damaged = b"\n".join(lines)
    path.write_bytes(damaged)
    with pytest.raises(JournalError, match=f"journal.jsonl, line {number}: "):
        Journal(path, HEADER)
    with pytest.raises(JournalError, match=f"line {number}: "):
        read_events(path)
    assert path.read_bytes() == damaged


@pytest.mark.parametrize(
    "first",
    ["{}", "[]", "5", "x", '{"journal": 1}', '{"event": "CampaignStarted"}', "[" * 100_000],
    ids=range(7),
)
def test_a_file_that_is_no_journal_is_refused_and_left_alone(path: Path, first: str) -> None:
    path.write_text(first + "\n")
    with pytest.raises(JournalError, match="line 1: not the header"):
        Journal(path, HEADER)
    assert path.read_text() == first + "\n"


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_a_journal_of_another_format_says_which_one_it_has(path: Path, version: object) -> None:
    path.write_text(json.dumps({"journal": version, "campaign": "c", "digest": "d"}) + "\n")
    with pytest.raises(JournalError, match=f"format {version}.*reads format 1.*--fresh"):
        Journal(path, HEADER)


def test_where_there_is_no_journal_there_are_no_events(path: Path) -> None:
    assert read_events(path) == []
    path.write_text('{"journal": 1, "camp')
    assert read_events(path) == []


def full_disk(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_journal_as_it_was(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path, HEADER)
    journal.append(EVENTS[:2])
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        for _ in range(2):
            with pytest.raises(OSError, match="No space left"):
                journal.append(EVENTS[2:4])
            assert path.read_bytes() == before
    journal.append(EVENTS[2:])
    assert Journal(path, HEADER).events == EVENTS


def test_a_file_server_that_is_away_even_for_the_repair_does_no_harm(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(path, HEADER)
    journal.append(EVENTS[:2])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        patch.setattr(os, "truncate", full_disk)
        with pytest.raises(OSError, match="No space left"):
            journal.append(EVENTS[2:4])
    with path.open("ab") as file:
        file.write(b'{"event": "half a li')
    journal.append(EVENTS[2:])
    assert Journal(path, HEADER).events == EVENTS


def test_a_disk_full_from_the_start_leaves_no_half_header(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        with pytest.raises(OSError, match="No space left"):
            Journal(path, HEADER)
    assert path.read_bytes() == b""
    assert Journal(path, HEADER).events == []


def test_a_guard_that_refuses_keeps_the_journal_untouched(path: Path) -> None:
    taken_over = False

    def guard() -> None:
        if taken_over:
            raise JournalForkError("another manager")

    journal = Journal(path, HEADER, guard=guard)
    journal.append(EVENTS[:1])
    before = path.read_bytes()
    taken_over = True
    with pytest.raises(JournalForkError):
        journal.append(EVENTS[1:])
    assert path.read_bytes() == before


def test_nothing_that_is_no_json_reaches_the_disk(path: Path) -> None:
    journal = Journal(path, HEADER)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.append([drawn(0), ev.TrialDrawn(NOW, 1, {"lr": float("nan")})])
    assert path.read_bytes() == before
