"""The manager's time goes on as it really passes, whatever the wall clock is set to."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from hpo.folder.files import Layout
from hpo.manager.campaign_clock import CampaignClock

NOW = 1_795_000_000.0
DAY_S = 86400.0


@dataclass
class Machine:
    """One run of a machine, and its wall clock, which is wrong by `wrong_s`."""

    layout: Layout
    up_s: float = 5000.0
    wrong_s: float = 0.0
    boot: str | None = "first"

    def clock(self, latest: float | None = None) -> CampaignClock:
        return CampaignClock(
            self.layout,
            latest,
            time.sleep,
            wall_s=lambda: NOW + self.up_s - 5000.0 + self.wrong_s,
            steady_s=lambda: self.up_s,
            boot=lambda: self.boot,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    layout = Layout(tmp_path / "c")
    layout.create()
    return Machine(layout)


def test_it_shows_the_wall_clocks_time(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "c")
    layout.create()
    clock = CampaignClock(layout, None, time.sleep)
    before, start = clock.now(), time.monotonic()
    assert before == pytest.approx(time.time(), abs=1.0)
    clock.sleep(0.05)
    assert clock.now() - before == pytest.approx(time.monotonic() - start, abs=0.02)


@pytest.mark.parametrize("wrong_s", [1.0, -1.0, 600.0, -600.0, DAY_S, -DAY_S])
def test_a_clock_that_is_set_does_not_move_it(machine: Machine, wrong_s: float) -> None:
    clock = machine.clock()
    machine.wrong_s, machine.up_s = wrong_s, 5060.0
    assert clock.now() == NOW + 60.0


@pytest.mark.parametrize("wrong_s", [0.0, 3600.0, -3600.0, DAY_S, -DAY_S])
def test_the_next_manager_on_this_machine_goes_on_with_it(machine: Machine, wrong_s: float) -> None:
    """With the time that passed between them."""
    machine.clock()
    machine.wrong_s, machine.up_s = wrong_s, 9000.0
    assert machine.clock(latest=NOW + 10.0).now() == NOW + 4000.0


@pytest.mark.parametrize("boot", ["second", None])
def test_elsewhere_or_after_a_reboot_the_wall_clock_is_asked_again(
    machine: Machine, boot: str | None
) -> None:
    machine.clock()
    machine.boot, machine.up_s, machine.wrong_s = boot, 6000.0, 5.0
    assert machine.clock(latest=NOW + 10.0).now() == NOW + 1005.0


@pytest.mark.parametrize("boot", ["first", "second", None])
def test_it_never_begins_before_the_journals_last_time(machine: Machine, boot: str | None) -> None:
    machine.clock()
    machine.boot, machine.wrong_s = boot, -DAY_S
    clock = machine.clock(latest=NOW + 500.0)
    assert clock.now() == NOW + 500.0
    machine.up_s += 30.0
    assert clock.now() == NOW + 530.0
    assert machine.clock(latest=NOW + 500.0).now() == (NOW + 530.0 if boot else NOW + 500.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"boot": "first"}',
        '{"boot": "first", "ahead_s": "x"}',
        '{"boot": "first", "ahead_s": NaN}',
        '{"boot": "first", "ahead_s": 1e300}',
        '{"boot": "first", "ahead_s": [1]}',
        '{"ahead_s": 5.0}',
    ],
)
def test_a_damaged_file_is_no_news(machine: Machine, text: str) -> None:
    machine.layout.clock.write_text(text)
    assert machine.clock().now() == NOW
    machine.wrong_s = DAY_S
    assert machine.clock().now() == NOW  # it was written anew


def test_where_it_cannot_be_written_the_clock_still_goes(machine: Machine) -> None:
    machine.layout.clock.mkdir()
    assert machine.clock().now() == NOW
