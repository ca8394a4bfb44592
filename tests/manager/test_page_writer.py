"""The page that the manager has written beside its work, and that never holds it up."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path

import psutil
import pytest
from histories import claimed, drawn, finished, offered
from user_project import ROOT

from hpo.folder.files import Layout, publish_json
from hpo.folder.journal import Header, Journal
from hpo.manager import own_command, page_writer
from hpo.manager.own_command import SWITCH
from hpo.manager.page_writer import PageWriter
from hpo.record import events as ev

NOW = 1000.0


@pytest.fixture(autouse=True)
def _pages_are_wanted(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv(SWITCH, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    caplog.set_level(logging.INFO)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A small campaign that has ended."""
    layout = Layout(tmp_path / "campaign")
    layout.create()
    seat = {"metric": "loss", "mode": "min", "resource_attr": "epoch", "gpus": 0}
    document = {"campaign": "c", "created": 1, "identity": {}, "settings": {}, "seat": seat}
    publish_json(layout.campaign, document)
    events: list[ev.Event] = [
        ev.CampaignStarted(NOW),
        drawn(0),
        offered(0),
        claimed(0),
        finished(0),
    ]
    Journal(layout.journal, Header("c", "d")).append([*events, ev.TrialCompleted(NOW, 0)])
    return layout


def never() -> bool:
    return False


def children() -> list[psutil.Process]:
    return psutil.Process().children()


def wait_for(writer: PageWriter) -> None:
    until = time.monotonic() + 60
    while children():
        writer.look(news=False)
        assert time.monotonic() < until
        time.sleep(0.02)
    writer.look(news=False)


def litter(layout: Layout) -> list[str]:
    return [name for name in os.listdir(layout.root) if ".tmp" in name]


def test_at_the_end_the_page_is_there(layout: Layout, caplog: pytest.LogCaptureFixture) -> None:
    PageWriter(layout).finish(never)
    assert "trial 0 is the best" in layout.report.read_text(encoding="utf-8")
    assert f"the campaign as a page: {layout.report}" in caplog.text
    assert not children()


def test_while_it_runs_only_where_something_changed_and_politely(layout: Layout) -> None:
    now = [0.0]
    writer = PageWriter(layout, clock=lambda: now[0], every_s=600.0)
    writer.look(news=True)
    assert not children()
    now[0] = 600.0
    writer.look(news=False)
    (child,) = children()
    assert child.nice() == own_command.POLITE
    writer.look(news=True)
    assert len(children()) == 1  # one at a time
    wait_for(writer)
    assert layout.report.exists()
    layout.report.unlink()
    now[0] = 1200.0
    writer.look(news=False)
    (child,) = children()  # because there was news while the last one was written
    wait_for(writer)
    now[0] = 1800.0
    writer.look(news=False)
    assert not children()


def test_what_cannot_be_written_is_said_once(
    layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    with layout.journal.open("ab") as journal:
        journal.write(b"nonsense\n")
    writer = PageWriter(layout)
    writer.finish(never)
    writer.finish(never)
    assert not layout.report.exists()
    assert caplog.text.count("report.html was not written") == 1
    assert "line 8" in caplog.text


def test_a_child_that_takes_too_long_is_not_waited_for(
    layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    (layout.root / ".report.html.0a1b2c3d.tmp").write_text("half a page")
    (layout.root / ".mine.tmp").write_text("of somebody else")
    writer = PageWriter(layout, last_s=0.0)
    began = time.monotonic()
    writer.finish(never)
    assert time.monotonic() < began + 30
    assert "did not wait for it any longer" in caplog.text
    assert not children()
    assert litter(layout) == [".mine.tmp"]


def test_one_that_hangs_is_ended(layout: Layout, caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    writer = PageWriter(layout, clock=lambda: now[0], every_s=1.0)
    now[0] = 2.0
    writer.look(news=True)
    children()[0].suspend()
    now[0] += page_writer.MOST_S + 1
    writer.look(news=False)
    assert not children()
    assert "it took more than" in caplog.text


def test_a_signal_is_not_kept_waiting(layout: Layout) -> None:
    writer = PageWriter(layout)
    writer.finish(lambda: True)
    assert not children()


def test_a_manager_that_leaves_takes_its_child_along(
    layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    writer = PageWriter(layout, every_s=0.0)
    writer.look(news=True)
    assert children()
    writer.leave()
    writer.leave()
    assert not children()
    assert "not written" not in caplog.text


def test_without_jinja2_it_is_said_once(
    layout: Layout, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_writer, "find_spec", lambda _name: None)
    writer = PageWriter(layout, every_s=0.0)
    for _ in range(3):
        writer.look(news=True)
    writer.finish(never)
    assert caplog.text.count("needs jinja2") == 1
    assert not children()


def test_a_machine_may_want_none(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    PageWriter(layout).finish(never)
    assert not layout.report.exists()


def test_without_a_process_to_be_had_the_campaign_goes_on(
    layout: Layout, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(layout.root / "no python"))
    PageWriter(layout).finish(never)
    assert "report.html was not written" in caplog.text
