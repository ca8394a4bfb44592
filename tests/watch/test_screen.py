"""`hpo watch` as a person uses it: the real screen, driven by keys, on campaigns' folders."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from histories import NOW, claimed, offered
from textual.pilot import Pilot
from watched import LATER, begun, ended, failed, make, report, trial, write

from hpo.folder import safety
from hpo.folder import stop as stop_request
from hpo.folder.files import Layout
from hpo.folder.requests import StopTrial, standing
from hpo.record import events as ev
from hpo.watch.screen.app import WatchApp

EVERY_S = 0.05
TIMEOUT_S = 60.0


class Desk:
    """A terminal with the screen on it."""

    def __init__(self, app: WatchApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def lines(self) -> list[str]:
        """All that is on the terminal, line by line."""
        screen = self.app.screen
        width, height = self.app.size
        strips = screen._compositor.render_strips()
        return ["".join(s.text for s in strip)[:width].rstrip() for strip in strips[:height]]

    def text(self) -> str:
        return "\n".join(self.lines())

    async def sees(self, *words: str) -> str:
        """Wait until all of it is on the terminal."""
        for _ in range(int(TIMEOUT_S / EVERY_S)):
            await self.pilot.pause(EVERY_S)
            text = self.text()
            if all(word in text for word in words):
                return text
        raise AssertionError(f"no {words} in\n{self.text()}")

    async def looked(self, times: int = 2) -> str:
        """Wait until the files have been read again."""
        until = self.app.readings + times
        for _ in range(int(TIMEOUT_S / EVERY_S)):
            await self.pilot.pause(EVERY_S)
            if self.app.readings >= until:
                return self.text()
        raise AssertionError("nothing is read any more")


def look(
    roots: Path | list[Path],
    act: Callable[[Desk], Awaitable[None]],
    size: tuple[int, int] = (80, 24),
    **options: Any,
) -> None:
    """Let `act` use the screen."""

    async def use() -> None:
        found = roots if isinstance(roots, list) else [roots]
        app = WatchApp(found, every_s=EVERY_S, now=lambda: LATER, **options)
        async with app.run_test(size=size) as pilot:
            await act(Desk(app, pilot))

    asyncio.run(use())


def test_eighty_by_twenty_four_shows_what_matters(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(12), *ended(3, 0.25), *failed(4), claimed(5, "9_1")])
    report(layout, 3, epoch=1, loss=0.75)
    report(layout, 3, epoch=9, loss=0.25)

    async def act(desk: Desk) -> None:
        text = await desk.sees(
            "mlp  running 10 min", "NO MANAGER: `hpo run` goes on", "12 trials", "1 failed"
        )
        assert "best loss 0.25 (trial 3, epoch 9)" in text
        assert "0.25*" in text
        assert "? help  q leave" in text
        await desk.press("down", "down", "down")
        text = await desk.sees("1 story of 3", "reached epoch 9 after 12.5 s: loss=0.25")
        assert ">      3 completed     9      0.25*" in text
        await desk.press("2")
        text = await desk.sees("loss of trial 3: 0.25 at epoch 9")
        assert "0.75 │" in text
        assert len(desk.lines()) == 24

    look(layout.root, act)


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (80, 24), (200, 60)])
def test_each_panel_of_each_size_is_drawn(tmp_path: Path, size: tuple[int, int]) -> None:
    layout = make(tmp_path / "mlp", [*begun(5), *ended(1), *failed(2), claimed(3, "9_1")])

    async def act(desk: Desk) -> None:
        await desk.looked()
        for key in "123456":
            await desk.press(key)
            await desk.looked(1)
        await desk.press("z", "question_mark", "escape", "slash", "l", "r", "enter", "c", "escape")
        assert len(desk.lines()) == size[1]

    look(layout.root, act, size)


def test_the_terminal_is_resized(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(30), *ended(1)])

    async def act(desk: Desk) -> None:
        await desk.press("end")
        await desk.sees(">     29")
        for width, height in [(160, 40), (30, 8), (80, 24)]:
            await desk.pilot.resize_terminal(width, height)
            await desk.sees("mlp")
            await desk.looked()
            assert ">     29" in desk.text()
            assert len(desk.lines()) == height

    look(layout.root, act)


def test_wide_the_panel_lies_beside_the_table(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(3), *ended(1)])

    async def act(desk: Desk) -> None:
        await desk.sees("1 story of 0")
        bar = next(row for row in desk.lines() if "1 story of 0" in row)
        assert bar.index("trial") < bar.index("1 story of 0")

    look(layout.root, act, (160, 40))


def test_nothing_is_there_yet(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp")

    async def act(desk: Desk) -> None:
        await desk.sees("nothing has happened yet", "no trial yet")
        for key in "123456":
            await desk.press(key, "down", "x")
        write(layout, [*begun(1)])
        await desk.sees("1 trials: 1 offered")

    look(layout.root, act)


def test_the_selection_is_a_trial_and_stays_it(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(8), *ended(5, 0.5)])

    async def act(desk: Desk) -> None:
        await desk.sees("1 completed")
        await desk.press(*["down"] * 5)
        await desk.sees("1 story of 5")
        await desk.press("s", "s", "s")  # by the metric
        await desk.sees("loss↑", ">      5 completed")
        assert desk.app.table.order.index(5) == 0
        write(layout, [*ended(6, 0.25), *ended(7, 0.125)])
        await desk.sees("3 completed", "[1 story of 5]", ">      5 completed")
        assert desk.app.table.order[:3] == [7, 6, 5]
        await desk.press("r")
        assert desk.app.table.order[:3] == [5, 6, 7]
        await desk.sees(">      5 completed", "loss↓")

    look(layout.root, act)


def test_filters(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(20), *failed(3), *failed(13), *ended(4)])

    async def act(desk: Desk) -> None:
        await desk.sees("2 failed")
        await desk.press("f")
        text = await desk.sees("2 of 20 trials (failed)", "ValueError")
        assert "completed   " not in text
        assert desk.app.table.order == [3, 13]
        await desk.press("slash", *"13 ValueE", "enter")
        await desk.sees("1 of 20 trials (failed) with 13 ValueE", "[1 story of 13]")
        await desk.press("slash", *"xyz")
        await desk.sees("no trial matches")
        await desk.press("escape", "escape")
        await desk.sees("20 trials", "completed   ")
        assert len(desk.app.table.order) == 20

    look(layout.root, act)


def test_ten_thousand_trials(tmp_path: Path) -> None:
    events = [*begun(10_000)]
    for trial_id in range(0, 10_000, 2):
        events += ended(trial_id, 1.0 / (trial_id + 1))
    layout = make(tmp_path / "big", events)

    async def act(desk: Desk) -> None:
        await desk.sees("10000 trials: 5000 offered, 5000 completed")
        await desk.press("end", "up")
        await desk.sees(">   9998", "1 story of 9998")
        write(layout, ended(9999, 0.0625))
        await desk.sees("5001 completed", ">   9998")
        await desk.press("s", "s", "s", "home")
        await desk.sees("> ", "0.0001*", "[1 story of 9998]")

    look(layout.root, act)


def test_a_question_comes_before_a_trial_is_stopped(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(3), claimed(1, "9_1")])

    async def act(desk: Desk) -> None:
        await desk.sees("1 running")
        await desk.press("down", "x")
        await desk.sees("Stop trial 1 of mlp?", "y: yes")
        await desk.press("n")
        await desk.looked()
        assert "Stop trial" not in desk.text()
        assert standing(layout) == []
        await desk.press("x")
        await desk.sees("Stop trial 1 of mlp?")
        await desk.press("y")
        await desk.sees("trial 1 is asked to stop")

    look(layout.root, act, (150, 30))
    (asked,) = standing(layout)
    assert isinstance(asked.request, StopTrial)
    assert asked.request.trial_id == 1


@pytest.mark.parametrize(("key", "how"), [("D", "drain"), ("N", "now")])
def test_a_campaign_is_stopped_as_hpo_stop_does(tmp_path: Path, key: str, how: str) -> None:
    layout = make(tmp_path / "mlp", [*begun(3), claimed(1, "9_1")])

    async def act(desk: Desk) -> None:
        await desk.sees("1 running")
        await desk.press(key, "escape")
        assert stop_request.read(layout) is None
        await desk.press(key)
        await desk.sees("Stop the campaign mlp")
        await desk.press("y")
        await desk.sees("to go on with the campaign later")

    look(layout.root, act)
    request = stop_request.read(layout)
    assert request is not None
    assert request.how == how


def test_readonly_no_key_changes_anything(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(3), claimed(1, "9_1")])

    async def act(desk: Desk) -> None:
        await desk.sees("1 running", "looking on only")
        for key in "xDN":
            await desk.press(key, "y")
            await desk.looked(1)
        assert "Stop" not in desk.text()
        await desk.press("question_mark")
        text = await desk.sees("another trial")
        assert "stop now" not in text

    look(layout.root, act, readonly=True)
    assert standing(layout) == []
    assert stop_request.read(layout) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_what_belongs_to_somebody_else_is_looked_at_only(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(3), claimed(1, "9_1")])
    os.chown(layout.root, 12345, -1)

    async def act(desk: Desk) -> None:
        await desk.sees("1 running", f"of {safety.user_name(12345)}: looking on only")
        await desk.press("x", "y", "D", "y")
        await desk.looked()

    look(layout.root, act)
    assert not layout.stop.exists()
    assert standing(layout) == []


HOSTILE = (
    "[bold]fat[/] [/] [link=http://x]y[/link]",
    "\x1b[31mred\x1b[0m \x1b]0;owned\x07",
    "\r\nsecond line\ttab",
    "漢字かな交じり文" * 20,
    "x" * 3000,
    "\u202eturned around",
    "🙂 e\u0301 \ud800",
)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_texts_of_users_are_texts(tmp_path: Path, text: str) -> None:
    events = [
        ev.CampaignStarted(NOW),
        trial(0, **{text[:200]: text}),
        trial(1, **{text[:200]: "other"}),
        offered(0),
        *failed(0, text),
    ]
    layout = make(tmp_path / "mlp", [])
    write(layout, events)
    report(layout, 0, 0, epoch=1, loss=0.5, **{text[:200]: 1.0})
    job = layout.job_log("0_1", on_slurm=False)
    job.write_bytes(text.encode("utf-8", "surrogatepass") + b"\nend\n")
    layout.campaign_log("20260101-000000").write_bytes(text.encode("utf-8", "surrogatepass"))

    async def act(desk: Desk) -> None:
        await desk.sees("1 failed")
        for key in "123456":
            await desk.press(key)
            seen = await desk.looked(2)
            assert not {"\x1b", "\r", "\x07", "\u202e", "\t"} & set(seen)
            if key in "13" and "[bold]" in text:
                assert "[bold]fat[/]" in seen
        await desk.press("slash", *"[/]", "enter")
        await desk.looked()

    look(layout.root, act, (100, 40))


def test_a_log_is_followed(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(1), claimed(0, "9_1")])
    log = layout.job_log("9_1", on_slurm=True)
    log.write_text("first\n")

    async def act(desk: Desk) -> None:
        await desk.press("3")
        await desk.sees("first")
        with log.open("a") as file:
            file.write("10 %\r20 %\r30 %")
            file.flush()
            await desk.sees("30 %")
            assert "20 %" not in desk.text()
            file.write("\n" + "".join(f"line {n}\n" for n in range(500)))
        await desk.sees("line 499")
        await desk.press("tab", "home")
        await desk.sees("first")
        with log.open("a") as file:
            file.write("and more\n")
        await desk.looked()
        assert "and more" not in desk.text()
        await desk.press("end")
        await desk.sees("and more")
        log.write_text("cut\n")
        await desk.sees("cut")
        assert "line 499" not in desk.text()

    look(layout.root, act)


def test_the_folder_vanishes_and_comes_back(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(3), *ended(1)])
    away = tmp_path / "away"

    async def act(desk: Desk) -> None:
        await desk.sees("1 completed")
        layout.root.rename(away)
        await desk.sees("cannot be read on")
        assert "1 completed" in desk.text()
        for key in "123456x":
            await desk.press(key)
        await desk.press("y")
        await desk.sees("that was not possible")
        await desk.press("escape")
        away.rename(layout.root)
        write(layout, ended(2))
        await desk.sees("2 completed")

    look(layout.root, act, (200, 30))


def test_files_are_missing_damaged_or_something_else(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(3), *ended(1), claimed(2, "9_1")])
    layout.status.write_text('{"trials": 7, "running": [1, {}], "jobs": "x", "seats": [[]]}')
    shutil.rmtree(layout.jobs)
    layout.trials.rmdir()
    layout.trials.write_text("no folder")

    async def act(desk: Desk) -> None:
        await desk.sees("1 completed")
        for key in "123456":
            await desk.press(key, "down")
            await desk.looked(1)
        with layout.journal.open("a") as file:
            file.write("no JSON\n")
        await desk.sees("cannot be read on", "line 1")
        assert "1 completed" in desk.text()

    look(layout.root, act, (120, 30))


def test_what_a_manager_cut_back_is_read_anew(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", begun(3))
    before = layout.journal.stat().st_size

    async def act(desk: Desk) -> None:
        await desk.sees("3 offered")
        write(layout, failed(1))
        await desk.sees("1 failed")
        os.truncate(layout.journal, before)
        await desk.sees("3 offered")
        write(layout, [*ended(1), *ended(2)])
        await desk.sees("2 completed")
        assert "cannot be read" not in desk.text()

    look(layout.root, act)


def test_several_campaigns(tmp_path: Path) -> None:
    one = make(tmp_path / "one", [*begun(3), *ended(1, 0.5)])
    two = make(tmp_path / "two", [*begun(5), *ended(1, 0.25), *ended(2, 0.125)])
    two.status.write_text(json.dumps({"campaign": "two", "trials": {"completed": 2}}))

    async def act(desk: Desk) -> None:
        await desk.sees("3 trials", "c 2 campaigns")
        await desk.press("c")
        await desk.sees("2 campaigns, newest first", "> one", "2 completed")
        await desk.press("down", "enter")
        await desk.sees("5 trials: 3 offered, 2 completed", "best loss 0.125")
        assert "3 trials" not in desk.text()
        await desk.press("c", "escape")
        await desk.sees("5 trials")

    look([one.root, two.root], act, (120, 24))


def test_dark_light_and_without_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = make(tmp_path / "mlp", [*begun(3), *ended(1), *failed(2)])

    async def act(desk: Desk) -> None:
        await desk.sees("1 failed")
        dark = desk.app.table.rich_style.bgcolor
        await desk.press("t")
        assert desk.app.table.rich_style.bgcolor != dark
        await desk.press("t")
        assert desk.app.table.rich_style.bgcolor == dark

    look(layout.root, act)

    async def bare(desk: Desk) -> None:
        text = await desk.sees("1 failed", ">      0 offered")
        assert "*" in text
        await desk.press("t", "down")
        colours = {
            colour.name
            for strip in desk.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style is not None
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour is not None and not colour.is_default
        }
        assert colours == set()

    monkeypatch.setenv("NO_COLOR", "1")
    look(layout.root, bare)


def test_nothing_is_written_by_looking(tmp_path: Path) -> None:
    layout = make(tmp_path / "mlp", [*begun(3), *ended(1)])

    def files(found: Layout) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in found.root.rglob("*") if path.is_file()}

    before = files(layout)

    async def act(desk: Desk) -> None:
        for key in "123456zftsr":
            await desk.press(key)
            await desk.looked(1)

    look(layout.root, act)
    assert files(layout) == before
