"""The pictures at a campaign's end, which never hold it up."""

from __future__ import annotations

import logging
from pathlib import Path

import psutil
import pytest
from histories import claimed, drawn, finished, offered
from user_project import ROOT

from hpo.folder.files import Layout, publish_json
from hpo.folder.journal import Header, Journal
from hpo.manager.own_command import SWITCH
from hpo.manager.picture_writer import PictureWriter
from hpo.record import events as ev

pytest.importorskip("matplotlib")


@pytest.fixture(autouse=True)
def _are_wanted(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    caplog.set_level(logging.INFO)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "campaign")
    layout.create()
    seat = {"metric": "loss", "mode": "min", "resource_attr": "epoch", "gpus": 0}
    document = {"campaign": "c", "created": 1, "identity": {}, "settings": {"hpo": {}}}
    publish_json(layout.campaign, document | {"seat": seat})
    events: list[ev.Event] = [
        ev.CampaignStarted(1000.0),
        drawn(0),
        offered(0),
        claimed(0),
        finished(0),
    ]
    Journal(layout.journal, Header("c", "d")).append([*events, ev.TrialCompleted(1000.0, 0)])
    return layout


def children() -> list[psutil.Process]:
    return psutil.Process().children()


def test_they_are_drawn_and_told(layout: Layout, caplog: pytest.LogCaptureFixture) -> None:
    writer = PictureWriter(layout)
    writer.begin()
    (child,) = children()
    assert child.nice() == 19
    writer.finish(lambda: False)
    assert (layout.plots / "seats.pdf").exists()
    assert f"pictures: {layout.plots}" in caplog.text
    assert not children()


@pytest.mark.parametrize(("last_s", "asked"), [(0.0, False), (60.0, True)])
def test_they_are_not_waited_for_long(
    layout: Layout, caplog: pytest.LogCaptureFixture, last_s: float, asked: bool
) -> None:
    writer = PictureWriter(layout, last_s=last_s)
    writer.begin()
    writer.finish(lambda: asked)
    assert "did not wait" in caplog.text
    assert not children()


def test_that_they_failed_is_one_line(layout: Layout, caplog: pytest.LogCaptureFixture) -> None:
    layout.plots.write_text("in the way")
    writer = PictureWriter(layout)
    writer.begin()
    writer.finish(lambda: False)
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("no pictures were drawn: ")
    assert "plots" in told


def test_nothing_begins_where_they_are_not_wanted(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "1")
    writer = PictureWriter(layout)
    writer.begin()
    assert not children()
    writer.finish(lambda: False)
    assert not layout.plots.exists()
