"""The file server fails at every step of a campaign, once and for a while; nothing is lost."""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_points import FaultPoint
from simulation import Campaign

from hpo.cluster.simulated.model import ClusterModel
from hpo.errors import JournalError
from hpo.folder.journal import read_events
from hpo.folder.reports import read_reports
from hpo.record.state import TrialStatus

ROUGH = ClusterModel(seats=2, queue_wait_s=60.0, preemption_rate=0.3, failure_rate=0.2, seed=0)
TRIALS = 2
NUMBERS = (errno.ENOSPC, errno.ESTALE, errno.EDQUOT, errno.EIO)
A_WHILE_S = 900.0


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: a thousand campaigns are many files."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Syncing costs nothing here, and may be where a network filesystem reports its trouble."""
    monkeypatch.setattr(os, "fsync", _sync)


def objective(config: dict[str, Any], trial: Any) -> None:
    trained = {"epochs": 0}
    trial.restore(trained=trained)
    for epoch in trial.epochs():
        trained["epochs"] += 1
        assert trained["epochs"] == epoch  # nothing that was saved is lost, or counted twice
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.03) + 1.0 / epoch)


def _sync(descriptor: int) -> None:
    from fault_points import _points

    point = _points[-1] if _points else None
    if isinstance(point, FaultPoint):
        path = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115  # because it is enough
        if path.startswith(point.root):
            point.step("fsync", path)


def _require_whole(campaign: Campaign, expected: dict[int, tuple[object, ...]]) -> None:
    events = read_events(campaign.layout.journal)
    names = Counter((type(e).__name__, getattr(e, "trial_id", None)) for e in events)
    assert names["CampaignEnded", None] == 1
    for trial_id, told in expected.items():
        assert names["TrialCompleted", trial_id] == 1
        finished = [n for (name, i), n in names.items() if (name, i) == ("LegFinished", trial_id)]
        assert finished == [1]
        assert _told(campaign, trial_id) == told
        reports = read_reports(campaign.layout.trial(trial_id), resource_attr="epoch")
        assert [report["epoch"] for report in reports] == [1, 2, 3]
    final = json.loads(campaign.layout.final_results.read_text())
    assert final["n_completed"] == len(expected)
    assert final["best_config"] == json.loads(campaign.layout.best_config.read_text())
    assert not list(campaign.layout.claims.iterdir())
    assert not [p for p in campaign.layout.offers.iterdir() if not p.name.startswith(".")]


def _told(campaign: Campaign, trial_id: int) -> tuple[object, ...]:
    result = json.loads(campaign.layout.result(trial_id).read_text())
    return result["status"], result["error"], result["config"], len(result["reports"])


@pytest.mark.parametrize("lasts_s", [0.0, A_WHILE_S], ids=["once", "for_a_while"])
def test_a_fault_at_every_step_loses_nothing(memory: Path, lasts_s: float) -> None:
    whole = Campaign(memory / "whole", model=ROUGH, n_trials=TRIALS, objective=objective)
    whole.run()
    expected = {trial_id: _told(whole, trial_id) for trial_id in range(TRIALS)}
    step, beyond_the_end = 0, 0
    while beyond_the_end < len(NUMBERS):
        step += 1
        campaign = Campaign(
            memory / f"fault{step}", model=ROUGH, n_trials=TRIALS, objective=objective
        )
        number = NUMBERS[step % len(NUMBERS)]
        point = FaultPoint(str(campaign.root), number, step, campaign.clock.now, lasts_s)
        campaign.run_failing(point)
        beyond_the_end = 0 if point.failed else beyond_the_end + 1
        try:
            _require_whole(campaign, expected)
        except AssertionError as err:
            raise AssertionError(f"{errno.errorcode[number]} at step {step}") from err
        shutil.rmtree(campaign.root)
    assert step > 200  # otherwise the faults are not where the work is


def test_an_outage_is_told_once_and_then_ever_more_rarely(
    memory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    campaign = Campaign(memory / "c", model=ROUGH, n_trials=TRIALS)
    point = FaultPoint(str(campaign.root), errno.ESTALE, 40, campaign.clock.now, 24 * 3600.0)
    campaign.run_failing(point)
    told = [m for m in caplog.messages if "the campaign's files cannot be used" in m]
    assert "Nothing is decided until they can; what runs goes on" in told[0]
    assert "Stale file handle" in told[0]
    assert 5 < len(told) < 12
    assert sum("the campaign's files can be used again" in m for m in caplog.messages) == 1
    assert [_told(campaign, i)[0] for i in range(TRIALS)] == ["completed"] * TRIALS


@pytest.mark.parametrize("name", ["status.json", "best_config.json", "results"])
def test_a_file_for_people_that_cannot_be_written_does_not_hold_up_the_campaign(
    memory: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    campaign = Campaign(memory / "c", model=ROUGH, n_trials=TRIALS)
    blocked = campaign.root / name
    if name == "results":
        blocked.rmdir()
        blocked.write_text("not a folder")
    else:
        blocked.mkdir()
    manager = campaign.manager()
    manager.start()
    while manager.state.ended is None:
        manager.tick()
        campaign.clock.sleep(1.0)
    assert len(manager.state.of(TrialStatus.COMPLETED)) == TRIALS
    assert sum("cannot be used" in message for message in caplog.messages) < 5
    blocked.unlink() if name == "results" else blocked.rmdir()
    campaign.run()
    assert [_told(campaign, i)[0] for i in range(TRIALS)] == ["completed"] * TRIALS
    assert campaign.layout.best_config.is_file()
    assert campaign.layout.status.is_file()


@pytest.mark.parametrize("what", ["offers", "results", "trials/trial_0", "trials/trial_1"])
@pytest.mark.parametrize("at_s", [30.0, 200.0, 400.0])
def test_what_somebody_removes_in_mid_campaign_is_made_again(
    memory: Path, what: str, at_s: float
) -> None:
    campaign = Campaign(memory / "c", model=ROUGH, n_trials=TRIALS, objective=restarting)

    def remove() -> None:
        target = campaign.root / what
        if what in ("offers", "results"):  # the files, or the whole folder
            for path in target.iterdir():
                path.unlink()
            if what == "results":
                target.rmdir()
        else:
            shutil.rmtree(target, ignore_errors=True)

    campaign.clock.at(at_s, remove)
    campaign.run()
    assert [_told(campaign, i)[0] for i in range(TRIALS)] == ["completed"] * TRIALS


def restarting(config: dict[str, Any], trial: Any) -> None:
    for epoch in trial.epochs():
        trial.report(epoch=epoch, validation_error=1.0 / epoch)


def test_a_journal_that_somebody_edits_stops_the_manager_which_names_it(memory: Path) -> None:
    campaign = Campaign(memory / "c", model=ROUGH, n_trials=TRIALS)
    journal = campaign.layout.journal

    def edit() -> None:
        journal.write_bytes(b"\n".join(journal.read_bytes().split(b"\n")[:-2]) + b"\n")

    campaign.clock.at(100.0, edit)
    with pytest.raises(JournalError, match=r"journal\.jsonl has .* changed by somebody"):
        campaign.manager().run()
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join([*lines, lines[-1]]) + "\n")
    with pytest.raises(JournalError, match=rf"line {len(lines) + 1}: .*The lines before it"):
        campaign.manager().run()
    journal.write_text("\n".join(lines) + "\n")
    assert campaign.run().state.ended is not None
