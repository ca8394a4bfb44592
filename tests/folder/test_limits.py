"""How large a file of a campaign may be, and what is said of one that is larger, or none at all."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from histories import claimed, drawn, offered
from mutations import limits

from hpo.cli import main
from hpo.errors import JournalError, SettingsError
from hpo.folder import campaign, journal
from hpo.folder.files import MOST_CAMPAIGN_BYTES, Layout, read_json
from hpo.folder.journal import Header, Journal, read_events, read_through
from hpo.folder.json_text import MOST_DEPTH, parse
from hpo.record import events as ev
from hpo.report.story import Rules, tell

HEADER = Header("c", "d")
DOCUMENT = {"campaign": "c", "created": 1.0, "identity": {}, "settings": {}}
SEAT = {"metric": "e", "mode": "min", "resource_attr": "epoch"}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path / "campaign")
    made.create()
    made.campaign.write_text(json.dumps(DOCUMENT | {"seat": SEAT}))
    return made


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(50_000_000_000)


def _endless_line(path: Path) -> None:
    Journal(path, HEADER)
    with path.open("ab") as file:
        file.truncate(900_000_000)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_sparse, "has 50.0 GB, and no more than 1 are read"),
        (_endless_line, "line 2: is longer than 10 MB"),
        (os.mkfifo, "is no plain file"),
        (lambda path: path.symlink_to("/dev/zero"), "journal.jsonl"),
        (Path.mkdir, "is no plain file"),
    ],
    ids=["sparse", "line", "pipe", "device", "folder"],
)
def test_a_journal_that_no_manager_wrote_is_refused_at_once(
    layout: Layout, make: Callable[[Path], None], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make(layout.journal)
    with limits():
        for read in (read_events, lambda path: Journal(path, HEADER)):
            with pytest.raises(JournalError, match=words):
                read(layout.journal)
        assert main(["why", str(layout.root), "0"]) == 1
    told = capsys.readouterr().err
    assert words in told
    assert "with --fresh" in told


def test_a_journal_is_full_before_it_could_not_be_read(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "MOST_JOURNAL_BYTES", 500)
    written = Journal(layout.journal, HEADER)
    written.append([drawn(0), drawn(1)])
    with pytest.raises(JournalError, match="is full"):
        written.append([drawn(trial_id) for trial_id in range(2, 9)])
    assert len(read_events(layout.journal)) == 2


def test_an_event_that_cannot_be_is_named_with_its_line(layout: Layout) -> None:
    Journal(layout.journal, HEADER).append([drawn(0), offered(0), claimed(0), claimed(0)])
    with pytest.raises(JournalError, match=r"journal.jsonl, line 5: .*cut the copy's journal"):
        read_through(layout.journal, lambda events: tell(events, 0, Rules()))


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400", "-1e400", "NaN", "Infinity"])
def test_a_number_that_no_computer_has_is_named_with_its_line(layout: Layout, number: str) -> None:
    Journal(layout.journal, HEADER).append([drawn(0)])
    with layout.journal.open("a") as file:
        file.write(f'{{"event": "CampaignStarted", "time": {number}}}\n')
    with pytest.raises(JournalError, match="line 3: "):
        read_events(layout.journal)


def test_a_campaign_file_that_is_too_large_is_neither_read_nor_written(layout: Layout) -> None:
    document = DOCUMENT | {"seat": SEAT, "identity": {"x": ["a" * 100] * 90_000}}
    with pytest.raises(SettingsError, match=r"10 MB in campaign.json.*8 MB are the most"):
        campaign.write(layout, document)
    layout.campaign.write_text(json.dumps(document))
    with limits(), pytest.raises(SettingsError, match="larger than 8 MB"):
        campaign.require(layout.root)


def test_the_largest_campaign_file_takes_little_memory(layout: Layout) -> None:
    text = json.dumps(DOCUMENT | {"seat": SEAT, "settings": {"x": []}})
    room = MOST_CAMPAIGN_BYTES - len(text)
    layout.campaign.write_text(text.replace("[]", "[" + "{}," * (room // 3 - 1) + "{}]"))
    with limits():
        assert campaign.stored(layout) is None  # a few more values than are read


def test_the_depth_of_json_is_bounded(layout: Layout) -> None:
    deepest = b"[" * MOST_DEPTH + b"]" * MOST_DEPTH
    assert parse(deepest)
    for text in (b"[" + deepest + b"]", b'{"a":' * 200_000):
        with pytest.raises(ValueError, match=f"more than {MOST_DEPTH} deep|Expecting"):
            parse(text)
    path = layout.root / "deep.json"
    path.write_bytes(b"[" + deepest + b"]")
    assert read_json(path) is None


def test_the_number_of_values_is_bounded() -> None:
    with limits(), pytest.raises(ValueError, match="more than 2500000 values"):
        parse(b"[" + b"0," * 2_600_000 + b"0]")


def test_times_that_no_calendar_has_are_refused() -> None:
    with pytest.raises(ValueError, match="is no time"):
        ev.from_record({"event": "CampaignStarted", "time": 1e300})
