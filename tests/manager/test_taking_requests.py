"""The manager takes each request up once, tells what it refuses, and leaves nothing lying."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from simulation import Campaign

from hpo.folder import requests
from hpo.folder import stop as stop_request
from hpo.folder.files import AttemptFiles
from hpo.folder.stop import NOW, StopRequest
from hpo.record.requests import Enqueue, Extend, RetryTrials, StopTrial
from hpo.record.state import TrialStatus

WHO = "hal"


@pytest.fixture
def campaign(tmp_path: Path) -> Campaign:
    return Campaign(tmp_path / "c", n_trials=3, at_once=1)


def told(caplog: pytest.LogCaptureFixture, words: str) -> int:
    return sum(words in record.getMessage() for record in caplog.records)


def test_what_is_refused_is_told_once_and_gone(
    campaign: Campaign, caplog: pytest.LogCaptureFixture
) -> None:
    campaign.ask(StopTrial(9, WHO, 1.0))
    campaign.ask(Enqueue([{"lr": 5}], WHO, 2.0))
    campaign.run()
    assert told(caplog, "hal asks for is refused: there is no trial 9") == 1
    assert told(caplog, "refused: point 1: lr=5 is not in") == 1
    assert requests.standing(campaign.layout) == []
    assert b"Asked" not in campaign.journal_bytes()


def test_what_is_no_request_is_told_once_and_holds_up_nothing(
    campaign: Campaign, caplog: pytest.LogCaptureFixture
) -> None:
    campaign.ask(Extend(WHO, 1.0, more_trials=1))
    path = campaign.layout.request(f"{0:016d}-{'0' * 16}")
    path.write_text("{")
    assert len(campaign.run().state.trials) == 4
    assert told(caplog, "is no request") == 1
    assert not path.exists()


def test_one_that_cannot_be_removed_is_told_once_and_taken_up_once(
    campaign: Campaign, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(requests, "remove", refuse)
    campaign.ask(Extend(WHO, 1.0, more_trials=1))
    campaign.ask(StopTrial(9, WHO, 1.0))
    with caplog.at_level(logging.INFO):
        assert len(campaign.run().state.trials) == 4
        assert len(campaign.run().state.trials) == 4  # also the next manager
    assert told(caplog, "hal asks for more") == 1
    assert told(caplog, "there is no trial 9") == 2


def test_a_trial_that_runs_is_asked_to_leave_and_no_other(campaign: Campaign) -> None:
    manager = campaign.manager()
    manager.start()
    while not manager.state.of(TrialStatus.CLAIMED):
        manager.tick()
        campaign.clock.sleep(1.0)
    (trial_id,) = manager.state.of(TrialStatus.CLAIMED)
    (campaign.layout.trial(trial_id) / "leave-a0").unlink(missing_ok=True)
    # Without the flag that the command sets: it may have been killed in between.
    requests.ask(campaign.layout, StopTrial(trial_id, WHO, 1.0))
    (campaign.layout.trial(trial_id) / "leave-a0").unlink()
    manager.tick()
    assert AttemptFiles(campaign.layout.trial(trial_id), 0).leave.exists()
    assert len(list(campaign.layout.trials.glob("*/leave-*"))) == 1


def test_requests_alone_open_an_ended_campaign_again(campaign: Campaign) -> None:
    campaign.run()
    ended = campaign.journal_bytes()
    campaign.ask(StopTrial(0, WHO, 1.0))  # it is complete, and nothing follows
    campaign.run()
    assert campaign.journal_bytes() == ended
    campaign.ask(RetryTrials([1], WHO, 2.0, from_start=True))
    campaign.ask(Enqueue([{"lr": 0.3, "width": 39}], WHO, 3.0))
    campaign.run()
    names = [line.split(b'"')[3] for line in campaign.journal_bytes()[len(ended) :].splitlines()]
    assert names[:3] == [b"CampaignReopened", b"RetryAsked", b"PointsEnqueued"]
    assert names.count(b"LegClaimed") == 2
    assert (campaign.layout.trials / "trial_1.before_a1").is_dir()


def test_a_start_that_goes_on_to_the_end_that_was_asked_for_opens_nothing(
    campaign: Campaign,
) -> None:
    manager = campaign.manager()
    manager.start()
    manager.tick()
    stop_request.publish(campaign.layout, StopRequest(NOW, 1.0, WHO))
    campaign.ask(Extend(WHO, 1.0, more_trials=2))
    state = campaign.run().state
    assert (state.ended, state.n_trials) == ("stopped by the user", 5)
    assert b"CampaignReopened" not in campaign.journal_bytes()
    stop_request.withdraw(campaign.layout)
    assert len(campaign.run().state.trials) == 5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_request_of_somebody_else_is_not_met(
    campaign: Campaign, caplog: pytest.LogCaptureFixture
) -> None:
    campaign.ask(Extend(WHO, 1.0, more_trials=1))
    (path,) = campaign.layout.requests.iterdir()
    os.chown(path, 12345, -1)
    assert len(campaign.run().state.trials) == 3
    assert told(caplog, "belongs to user 12345") == 1
