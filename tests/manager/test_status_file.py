"""status.json as a manager keeps it: over restarts, and while trials run."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from histories import NOW, running, state_after
from simulation import ROUGH, Campaign

from hpo.decisions.asha import Asha
from hpo.folder.files import AttemptFiles, Layout
from hpo.manager.last_reports import AGAIN_S, AT_ONCE, LastReports
from hpo.report.status import Reported
from hpo.report.status_document import Status


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    root = tmp_path_factory.mktemp("ended") / "campaign"
    campaign = Campaign(root, ROUGH, n_trials=30, asha=Asha(max_t=9))
    campaign.run()
    return campaign


def test_a_restart_tells_again_from_the_journal_what_the_state_forgets(ended: Campaign) -> None:
    before = Status.read(ended.layout)
    assert before is not None
    assert before.ended == "all trials ended"
    assert before.lost_by
    assert len(before.incumbent) > 1
    assert len(before.events) == 20
    ended.layout.status.unlink()
    again = ended.manager()
    again.run()
    after = Status.read(ended.layout)
    assert after is not None
    for name in ("incumbent", "failures", "lost_by", "events", "best_config", "trials", "hours"):
        assert getattr(after, name) == getattr(before, name), name
    ran = [(seats.time, seats.running) for seats in after.seats]
    assert ran[-1][1] == 0
    assert max(count for _, count in ran) == max(seats.running for seats in before.seats)


def test_the_beat_is_the_wall_clocks_also_in_a_simulation(ended: Campaign) -> None:
    found = Status.read(ended.layout)
    assert found is not None
    assert found.beat.at == pytest.approx(time.time(), abs=600.0)
    assert found.beat.pid
    assert found.updated is not None
    assert found.updated < 1e6


def write(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with AttemptFiles(folder, 0).reports.open("a") as file:
        file.write(text)


def test_the_last_whole_report_of_what_runs(tmp_path: Path) -> None:
    layout, state = Layout(tmp_path), state_after(running(0, 1, 2, 3, 4))
    reports = LastReports(layout)
    lines: list[dict[str, Any]] = [{"epoch": n, "loss": 1 / n} for n in (1, 2, 3)]
    write(layout.trial(0), "".join(f"{json.dumps(line)}\n" for line in lines) + '{"epoch": 4, ')
    write(layout.trial(1), '{"epoch": 1, "loss": null}\n')
    write(layout.trial(2), f'{{"epoch": 2, "note": "{"x" * 9000}"}}\n')
    write(layout.trial(3), '[1, 2]\n{"epoch": true, "loss": "low"}\n')
    reports.look(state, range(5), NOW)
    assert reports.told == {
        0: Reported(3, 1 / 3),
        1: Reported(1, None),
        2: Reported(None, None),
        3: Reported(None, None),
    }
    write(layout.trial(0), '"loss": 0.25}\n')
    reports.look(state, range(5), NOW + AGAIN_S - 1)
    assert reports.told[0] == Reported(3, 1 / 3), "not in each tick"
    reports.look(state, [0], NOW + AGAIN_S)
    assert reports.told == {0: Reported(4, 0.25)}


def test_of_many_that_run_each_is_looked_at_in_its_turn(tmp_path: Path) -> None:
    layout, ids = Layout(tmp_path), range(2 * AT_ONCE + 1)
    state, reports = state_after(running(*ids)), LastReports(layout)
    for trial_id in ids:
        write(layout.trial(trial_id), '{"epoch": 1, "loss": 1.0}\n')
    known = []
    for look in range(4):
        reports.look(state, ids, NOW + look * AGAIN_S)
        known.append(len(reports.told))
    assert known == [AT_ONCE, 2 * AT_ONCE, 2 * AT_ONCE + 1, 2 * AT_ONCE + 1]
    for trial_id in ids:
        write(layout.trial(trial_id), '{"epoch": 2, "loss": 0.5}\n')
    for look in range(4, 7):
        reports.look(state, ids, NOW + look * AGAIN_S)
    assert {said.resource for said in reports.told.values()} == {2}
