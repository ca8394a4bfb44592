"""People steer a campaign while its manager dies anywhere: the same journal, to the byte."""

from __future__ import annotations

import os
import random
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from simulation import ROUGH, Campaign, require_same_results

from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.folder import requests
from hpo.record.requests import Enqueue, Extend, Request, RetryTrials, StopTrial
from hpo.record.state import TrialStatus

WHO = "hal"
LRS = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3]


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What survives a dead process is what was written; syncing guards against dead machines."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def objective(config: dict[str, Any], trial: Any) -> None:
    """Fails where lr is 0.1; saves what it has."""
    state = {"epoch": 0}
    trial.restore(state=state)
    for epoch in trial.epochs():
        if config["lr"] == 0.1:
            raise ValueError("too hot")
        state["epoch"] = epoch
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.03) + 1.0 / epoch)


def point(lr: float, width: int) -> dict[str, Any]:
    return {"lr": lr, "width": width}


def all_at_once(campaign: Campaign) -> None:
    """Each kind of request while the campaign runs, some of them refused."""
    asked: list[Request] = [
        StopTrial(0, WHO, 90.0),
        StopTrial(3, WHO, 100.0),
        StopTrial(99, WHO, 105.0),
        Enqueue([point(0.03, 8), point(0.03, 8), {"lr": 5.0}], WHO, 110.0),
        Extend(WHO, 120.0, more_trials=1),
        Extend(WHO, 130.0, n_trials=2),
        RetryTrials([0, 1, 2, 3], WHO, 240.0),
        RetryTrials([1, 2], WHO, 250.0, from_start=True),
        RetryTrials([0, 3], WHO, 260.0, from_start=True),
    ]
    if campaign.asha is not None:
        asked.append(Extend(WHO, 150.0, max_t=27))
    for request in asked:
        campaign.ask_at(request.time, request)


def steered(root: Path, **changes: Any) -> Campaign:
    asha = changes.get("asha")
    common: dict[str, Any] = {"objective": objective, "n_trials": 8}
    campaign = Campaign(root, **(common | changes))
    if asha is not None:
        campaign.space["max_epochs"] = asha.max_t
    all_at_once(campaign)
    return campaign


PLANS = [
    None,
    Asha(max_t=9, reduction_factor=3, max_resource_attr="max_epochs"),
    Asha(max_t=9, reduction_factor=3, stopping=True, max_resource_attr="max_epochs"),
]


@pytest.mark.parametrize("stride", [31, pytest.param(1, marks=pytest.mark.long)])
def test_a_crash_at_any_step_leaves_the_same_journal(tmp_path: Path, stride: int) -> None:
    """Without rungs: with them, seats that found nothing are known to the manager alone."""
    expected = steered(tmp_path / "whole", model=ROUGH, n_trials=4)
    expected.run()
    for word in (b"StopAsked", b"RetryAsked", b"PointsEnqueued", b"CampaignExtended"):
        assert word in expected.journal_bytes()
    step, ended_without_crash = 0, False
    while not ended_without_crash:
        step += stride
        campaign = steered(tmp_path / f"crash{step}", model=ROUGH, n_trials=4)
        plan = iter([step])
        _, crashes = campaign.run_crashing(partial(next, plan, None))
        assert campaign.told_bytes() == expected.told_bytes(), f"crash before step {step}"
        require_same_results(campaign, expected)
        assert requests.standing(campaign.layout) == []
        ended_without_crash = crashes == 0
    assert step > 100


@pytest.mark.parametrize("seed", range(6))
def test_many_crashes_leave_the_same_journal(tmp_path: Path, seed: int) -> None:
    model = ClusterModel(
        seats=4, queue_wait_s=60.0, preemption_rate=0.1, failure_rate=0.05, seed=seed
    )
    common: dict[str, Any] = {"model": model, "n_trials": 8, "seed": seed}
    common["asha"] = PLANS[seed % 3]
    whole = steered(tmp_path / "whole", **common)
    whole.run()
    crashed = steered(tmp_path / "crashed", **common)
    dice = random.Random(seed)
    left = iter([dice.randint(1, 20) for _ in range(40)])
    _, crashes = crashed.run_crashing(lambda: next(left, None))
    assert crashes == 40
    assert crashed.told_bytes() == whole.told_bytes()
    require_same_results(crashed, whole)


def later(campaign: Campaign, time: float) -> None:
    """The next start is at that time: one that died as it ended stood still a second before."""
    campaign.clock.advance(time - campaign.clock.now())


@pytest.mark.parametrize(
    "request_", [Extend(WHO, 1e5, more_trials=2), Extend(WHO, 1e5, max_t=27)], ids=["n", "max_t"]
)
@pytest.mark.parametrize("asha", PLANS[1:], ids=["promotion", "stopping"])
def test_an_ended_campaign_goes_on_whatever_step_its_start_is_killed_at(
    tmp_path: Path, asha: Asha, request_: Request
) -> None:
    expected = Campaign(tmp_path / "whole", asha=asha, n_trials=9, objective=objective)
    expected.space["max_epochs"] = 9
    expected.run()
    later(expected, 1e4)
    expected.ask(request_)
    more = RetryTrials(sorted(expected.run().state.of(TrialStatus.FAILED)), WHO, 2e5)
    later(expected, 2e4)
    expected.ask(more)
    expected.run()
    step, crashes = 0, 1
    while crashes:
        step += 13
        campaign = Campaign(tmp_path / f"crash{step}", asha=asha, n_trials=9, objective=objective)
        campaign.space["max_epochs"] = 9
        campaign.run()
        later(campaign, 1e4)
        campaign.ask(request_)
        _, crashes = campaign.run_crashing(partial(next, iter([step]), None))
        later(campaign, 2e4)
        campaign.ask(more)
        _, again = campaign.run_crashing(partial(next, iter([step]), None))
        assert campaign.told_bytes() == expected.told_bytes(), f"crash before step {step}"
        crashes += again
    assert step > 50
