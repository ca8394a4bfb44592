"""The result that stands for a trial which was stopped at its rung, and then was wanted again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from simulation import Campaign

from hpo.decisions.asha import Asha
from hpo.record.requests import Extend, RetryTrials, StopTrial
from hpo.record.state import TrialStatus

WHO = "hal"


@pytest.mark.parametrize("lost", [False, True], ids=["in one go", "after a crash in between"])
def test_it_shows_what_the_trial_is_worth_at_its_rung_again(tmp_path: Path, lost: bool) -> None:
    campaign = Campaign(tmp_path / "c", n_trials=4, asha=Asha(max_t=3, grace_period=1))
    manager = campaign.run()
    trial_id = min(manager.state.of(TrialStatus.PAUSED))
    path = campaign.layout.result(trial_id)
    before = json.loads(path.read_text())
    assert before["status"] == "paused"
    campaign.ask(StopTrial(trial_id, WHO, 1.0))
    campaign.ask(Extend(WHO, 2.0, more_trials=1))  # it goes on, and so the stop is carried out
    assert trial_id in campaign.run().state.of(TrialStatus.STOPPED)
    stopped = path.read_bytes()
    assert json.loads(stopped)["status"] == "stopped"
    assert json.loads(stopped)["error"] == before["error"]
    campaign.ask(RetryTrials([trial_id], WHO, 3.0))
    assert trial_id in campaign.run().state.of(TrialStatus.PAUSED)
    if lost:
        path.write_bytes(stopped)
        campaign.run()
    assert json.loads(path.read_text()) == before
