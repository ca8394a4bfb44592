"""Trials that run out of memory: raised as allowed, with crashes of the manager as without."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

import pytest
from simulation import ROUGH, Campaign, require_same_results

from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.errors import PollError
from hpo.folder.offers import list_legs
from hpo.record.state import TrialStatus
from hpo.seats.orders import Change, Raise

HUNGRY = replace(ROUGH, oom_rate=0.4, seed=2)
MEMORY = MappingProxyType({"mem_mb": 4096, "max_mem_mb": 6144})
MORE_MEMORY = MappingProxyType({"mem_mb": 4096, "max_mem_mb": 7000})  # two steps


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What survives a dead process is what was written; syncing guards against dead machines."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def test_a_trial_that_needs_more_memory_gets_it_once_and_else_fails(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c", model=HUNGRY, n_trials=24, at_once=4, limits=dict(MEMORY))
    state = campaign.run().state
    raised = [trial for trial in state.trials.values() if trial.mem_mb]
    assert {trial.mem_mb for trial in raised} == {6144}
    completed = [t for t in raised if t.status is TrialStatus.COMPLETED]
    failed = [t for t in raised if t.status is TrialStatus.FAILED]
    assert completed
    assert failed
    assert {t.cause for t in failed} == {"out_of_memory"}
    assert len(state.of(TrialStatus.COMPLETED)) == 24 - len(failed)
    result = json.loads(campaign.layout.result(failed[0].trial_id).read_text())
    assert "mem=4096M, then raised to 6144M" in result["message"]
    assert "Raise `mem`" in result["message"]
    # In the place of seats that waited already, except where none did.
    assert campaign.cluster.calls["raise"]
    assert all(job.phase.value == "ended" for job in campaign.cluster._jobs.values())


@pytest.mark.slow
def test_crashes_and_trials_out_of_memory_leave_the_same_journal(tmp_path: Path) -> None:
    expected = Campaign(
        tmp_path / "whole", model=HUNGRY, n_trials=5, at_once=2, limits=dict(MORE_MEMORY)
    )
    manager = expected.run()
    assert len({trial.mem_mb for trial in manager.state.trials.values()}) == 3
    assert manager.state.of(TrialStatus.FAILED)
    step, ended_without_crash = 0, False
    while not ended_without_crash:
        step += 1
        campaign = Campaign(
            tmp_path / f"crash{step}", model=HUNGRY, n_trials=5, at_once=2, limits=dict(MORE_MEMORY)
        )
        plan = iter([step])
        _, crashes = campaign.run_crashing(partial(next, plan, None))
        assert campaign.journal_bytes() == expected.journal_bytes(), f"crash before step {step}"
        require_same_results(campaign, expected)
        ended_without_crash = crashes == 0
    assert step > 100


@pytest.mark.parametrize("seed", range(6))
def test_asha_keeps_the_memory_that_a_trial_was_raised_to(tmp_path: Path, seed: int) -> None:
    model = replace(HUNGRY, seed=seed)
    asha = Asha(max_t=9, reduction_factor=3, stopping=seed == 5)
    both = []
    for name in ("whole", "crashed"):
        campaign = Campaign(tmp_path / name, model=model, n_trials=18, seed=seed, asha=asha)
        campaign.limits, campaign.space["max_epochs"] = dict(MEMORY), 9
        both.append(campaign)
    whole, crashed = both
    state = whole.run().state
    dice = random.Random(seed)
    left = iter([dice.randint(1, 20) for _ in range(30)])
    _, crashes = crashed.run_crashing(lambda: next(left, None))
    assert crashes == 30
    assert crashed.journal_bytes() == whole.journal_bytes()
    require_same_results(crashed, whole)
    ran_out = [
        event["trial_id"]
        for event in map(json.loads, whole.journal_bytes().splitlines())
        if event.get("event") == "LegLost" and event["cause"] == "out_of_memory"
    ]
    # No later leg of theirs was tried again with what had been too little.
    assert ran_out
    assert {state.trials[trial_id].mem_mb for trial_id in ran_out} == {6144}
    assert max(Counter(ran_out).values()) <= 2


def test_a_waiting_seat_that_starts_before_it_is_raised_is_no_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    campaign = Campaign(tmp_path / "c", model=HUNGRY, n_trials=24, at_once=4, limits=dict(MEMORY))
    refused = 0

    change = campaign.cluster.change

    def refuse(order: Change) -> None:
        nonlocal refused
        if not isinstance(order, Raise):
            return change(order)
        refused += 1
        raise PollError("scontrol: Job is no longer pending execution")

    monkeypatch.setattr(campaign.cluster, "change", refuse)
    state = campaign.run().state
    assert any(t.mem_mb and t.status is TrialStatus.COMPLETED for t in state.trials.values())
    assert not state.open_trials
    assert 0 < refused < 100  # with pauses that grow
    assert "not sure that jobs that wait get 6144 MB" in caplog.text


def test_a_lower_limit_of_memory_holds_for_what_waits_already(tmp_path: Path) -> None:
    """For a trial whose raised seat never starts, because no node has so much."""
    model = ClusterModel(seats=2, queue_wait_s=60.0, oom_rate=1.0)
    campaign = Campaign(tmp_path / "c", model=model, n_trials=2, at_once=2, limits=dict(MEMORY))
    manager = campaign.manager()
    manager.start()
    while True:
        manager.tick()
        if any(trial.mem_mb for trial in manager.state.trials.values()):
            break
        campaign.clock.sleep(1.0)
    campaign.limits["max_mem_mb"] = 4096
    again = campaign.manager()
    again.start()
    again.tick()
    assert max(leg.mem_mb for leg in list_legs(campaign.layout.offers)) == 4096
    assert again.run()
    assert {trial.mem_mb for trial in again.state.trials.values()} <= {0, 4096}
