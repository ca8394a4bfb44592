"""Campaigns in virtual time whose seats ask for what legs were seen to need."""

from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from simulation import Campaign, objective

from hpo.cluster.simulated.jobs import SimulatedJob
from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.folder.attempts import Account
from hpo.record.pace import SURE
from hpo.record.state import TrialStatus
from hpo.seats.orders import Cancel
from hpo.units.sizes import usable_s

LONGEST = 240  # min
MODEL = ClusterModel(
    seats=6, queue_wait_s=120.0, start_s=20.0, epoch_s=200.0, epoch_spread=0.3, seed=4
)
AUTO = {
    "timed": True,
    "learn_time": True,
    "max_time_s": usable_s(LONGEST),
    "offers_untimed": 6,
}

MEMORY = {"mem_mb": 8192, "max_mem_mb": 8192, "learn_mem": True}


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def make(root: Path, **changes: Any) -> Campaign:
    settings: dict[str, Any] = {
        "model": MODEL,
        "n_trials": 36,
        "at_once": 6,
        "asha": Asha(max_t=27),
        "limits": dict(AUTO),
        "seat_limits": {"learn_time_to": LONGEST},
    } | changes
    campaign = Campaign(root, **settings)
    campaign.space["max_epochs"] = 27
    return campaign


def saving_objective(config: dict[str, Any], trial: Any) -> None:
    trial.restore(seen={"epochs": 0})
    objective(config, trial)


def events(campaign: Campaign, name: str) -> list[dict[str, Any]]:
    lines = map(json.loads, campaign.journal_bytes().splitlines()[1:])
    return [event for event in lines if event["event"] == name]


def asked_min(campaign: Campaign) -> list[int]:
    """The time limits that the seats have in the end, in the order in which they were queued."""
    return [minutes(job) for job in campaign.cluster._jobs.values()]


def minutes(job: SimulatedJob) -> int:
    return job.size.rank[1]


def megabytes(job: SimulatedJob) -> int:
    return job.size.rank[0]


def test_low_rungs_get_short_seats_and_promoted_legs_wait_for_long_ones(tmp_path: Path) -> None:
    campaign = make(tmp_path / "c", n_trials=81)
    state = campaign.run().state
    assert len(state.of(TrialStatus.COMPLETED)) >= 1
    assert not state.of(TrialStatus.FAILED)
    asked = asked_min(campaign)
    assert max(asked) == LONGEST
    # An epoch takes about 200 s: rung 0 fits in 10 or 15 min, 18 epochs in hours.
    assert min(asked) in (10, 15, 20)
    ended = events(campaign, "LegFinished")
    # 20 legs have to end before anybody can give up time.
    late = [e for e in events(campaign, "LegClaimed") if e["time"] > ended[SURE - 1]["time"]]
    had = [minutes(campaign.cluster._jobs[e["job_id"]]) for e in late]
    assert sum(1 for time_min in had if time_min <= 30) > len(had) / 2
    offered = {(e["trial_id"], e["attempt"]): e for e in events(campaign, "LegOffered")}
    for leg in ended:
        seat = campaign.cluster._jobs[leg["job_id"]]
        asked_s = offered[leg["trial_id"], leg["attempt"]]["time_s"]
        assert usable_s(minutes(seat)) >= asked_s > 0
    high = [e["time_s"] for e in offered.values() if e["rung"] == 3]
    low = [e["time_s"] for e in offered.values() if e["rung"] == 0]
    assert min(high) > 3 * max(need for need in low if need < AUTO["max_time_s"])


def test_crashes_leave_the_same_journal(tmp_path: Path) -> None:
    model = replace(MODEL, preemption_rate=0.1, failure_rate=0.03)
    whole, crashed = (make(tmp_path / n, n_trials=27, model=model) for n in ("whole", "crashed"))
    whole.run()
    assert whole.cluster.calls["shrink"] > 0
    dice = random.Random(2)
    left = iter([dice.randint(1, 25) for _ in range(40)])
    _, crashes = crashed.run_crashing(lambda: next(left, None))
    assert crashes == 40
    assert crashed.journal_bytes() == whole.journal_bytes()
    assert min(asked_min(crashed)) < LONGEST


def test_a_leg_that_outlasts_its_seat_goes_on_in_another(tmp_path: Path) -> None:
    """Two epochs in three fit: the trial's own pace tells how long the rest takes."""
    model = replace(MODEL, epoch_spread=1.2)
    campaign = make(tmp_path / "c", asha=None, model=model, n_trials=24, objective=saving_objective)
    campaign.space["max_epochs"] = 8
    state = campaign.run().state
    assert len(state.of(TrialStatus.COMPLETED)) == 24
    left = [e for e in events(campaign, "LegFinished") if e["outcome"] == "interrupted"]
    assert left
    assert all(e["resource"] < 8 for e in left)


def test_what_saves_nothing_gets_twice_the_time_up_to_max_time_and_then_fails(
    tmp_path: Path,
) -> None:
    model = replace(MODEL, epoch_spread=1.5, epoch_s=400.0)
    campaign = make(tmp_path / "c", asha=None, model=model, n_trials=60)
    campaign.space["max_epochs"] = 1
    state = campaign.run().state
    lost = events(campaign, "LegLost")
    assert {e["cause"] for e in lost} == {"time_limit"}
    epochs = {i: model.epoch_of_trial_s(i) for i in range(60)}
    for trial_id, trial in state.trials.items():
        fits = epochs[trial_id] < 60 * LONGEST - model.start_s
        assert trial.status is (TrialStatus.COMPLETED if fits else TrialStatus.FAILED), epochs
        if not fits:
            assert "does not fit in `max_time`" in (trial.message or "")
    offered = [e for e in events(campaign, "LegOffered") if e["attempt"] > 0]
    assert offered
    before = {(e["trial_id"], e["attempt"]): e["time_s"] for e in events(campaign, "LegOffered")}
    for again in offered:
        had = before[again["trial_id"], again["attempt"] - 1]
        assert again["time_s"] >= min(2 * had, usable_s(LONGEST))


def test_offers_made_before_times_were_learned_are_run_all_the_same(tmp_path: Path) -> None:
    campaign = make(tmp_path / "c", limits={}, seat_limits={}, n_trials=12)
    manager = campaign.manager()
    manager.start()
    for _ in range(400):
        manager.tick()
        campaign.clock.sleep(1.0)
    campaign.limits, campaign.seat_limits = dict(AUTO), {"learn_time_to": LONGEST}
    state = campaign.run().state
    assert not state.open_trials
    assert len(state.trials) == 12


def test_offers_that_need_longer_than_a_seat_may_have_now_are_made_again(tmp_path: Path) -> None:
    campaign = make(tmp_path / "c", n_trials=12, objective=saving_objective)
    manager = campaign.manager()
    manager.start()
    manager.tick()
    assert len(manager.state.of(TrialStatus.OFFERED)) == 6
    before = list(campaign.cluster.lives.live)
    campaign.cluster.change(Cancel(tuple(before)))  # by the user
    campaign.limits |= {"max_time_s": usable_s(60)}
    campaign.seat_limits = {"learn_time_to": 60}
    manager = campaign.manager()
    manager.start()
    for _ in range(5000):
        manager.tick()
        if manager.state.ended:
            break
        campaign.clock.sleep(10.0)
    assert manager.state.ended
    assert not manager.state.of(TrialStatus.FAILED)
    assert max(asked_min(campaign)[len(before) :]) == 60


class TestMemory:
    def make(self, root: Path, **changes: Any) -> Campaign:
        limits, seats = dict(MEMORY), {"mem_mb": 0, "learn_mem_to": 8192}
        campaign = make(root, limits=limits, seat_limits=seats, **changes)
        _use_memory(campaign)
        return campaign

    def test_seats_ask_for_a_third_more_than_any_leg_used(self, tmp_path: Path) -> None:
        campaign = self.make(tmp_path / "c")
        state = campaign.run().state
        assert not state.of(TrialStatus.FAILED)
        asked = [megabytes(job) for job in campaign.cluster._jobs.values()]
        assert max(asked) == 8192, "before anything was known"
        assert asked[-1] < 4096
        assert asked[-1] >= 1.3 * max(e["mem_used_mb"] for e in events(campaign, "LegFinished"))

    def test_waiting_seats_give_memory_up_once_it_is_known_what_legs_use(
        self, tmp_path: Path
    ) -> None:
        campaign = self.make(tmp_path / "c", n_trials=40, asha=None)
        campaign.run()
        jobs = list(campaign.cluster._jobs.values())
        assert {job.array for job in jobs} == {1}, "all were queued at once"
        assert campaign.cluster.calls["shrink"] == 1
        assert sum(megabytes(job) < 4096 for job in jobs) > 20

    def test_a_leg_known_to_need_more_is_never_taken_by_a_smaller_seat(
        self, tmp_path: Path
    ) -> None:
        campaign = self.make(tmp_path / "c", n_trials=60)
        campaign.run()
        used: dict[int, int] = {}
        checked = 0
        for event in map(json.loads, campaign.journal_bytes().splitlines()[1:]):
            if event["event"] == "LegClaimed" and event["trial_id"] in used:
                seat = campaign.cluster._jobs[event["job_id"]]
                assert megabytes(seat) >= used[event["trial_id"]]
                checked += 1
            elif event["event"] == "LegFinished":
                used[event["trial_id"]] = event["mem_used_mb"]
        assert checked > 10

    def test_what_runs_out_of_learned_memory_gets_half_as_much_more(self, tmp_path: Path) -> None:
        model = replace(MODEL, mem_mb=2000, oom_rate=0.3)
        campaign = self.make(tmp_path / "c", model=model, asha=None, n_trials=40)
        campaign.space["max_epochs"] = 2
        state = campaign.run().state
        assert len(state.of(TrialStatus.COMPLETED)) == 40
        lost = {(e["trial_id"], e["attempt"]): e for e in events(campaign, "LegLost")}
        assert {e["cause"] for e in lost.values()} == {"out_of_memory"}
        again = [e for e in events(campaign, "LegOffered") if e["attempt"] > 0]
        assert again
        for offer in again:
            had = lost[offer["trial_id"], offer["attempt"] - 1]["mem_had_mb"]
            assert offer["mem_mb"] == min(-(-3 * had // 2), 8192)

    def test_crashes_leave_the_same_journal(self, tmp_path: Path) -> None:
        model = replace(MODEL, mem_mb=2000, oom_rate=0.3)
        whole, crashed = (
            self.make(tmp_path / name, model=model, n_trials=14) for name in ("whole", "crashed")
        )
        whole.run()
        dice = random.Random(3)
        left = iter([dice.randint(1, 25) for _ in range(30)])
        _, crashes = crashed.run_crashing(lambda: next(left, None))
        assert crashes == 30
        assert crashed.journal_bytes() == whole.journal_bytes()


def _use_memory(campaign: Campaign) -> None:
    """Let each leg tell that it used 500 to 1100 MB, as its trial decides."""
    runner = campaign.cluster.lives._runner
    run = runner._run

    def run_measured(job: Any, leg: Any, offer: Any, end: float, **told: Any) -> Account:
        account = run(job, leg, offer, end, **told)
        used_mb = 500 + 50 * (leg.claim.trial_id % 13)
        return account._replace(result=replace(account.result, mem_used_mb=used_mb))

    # Because nothing that a simulated campaign may be told says what its legs use.
    runner._run = run_measured  # type: ignore[method-assign]


def test_waiting_seats_give_up_time_once_it_is_known_what_legs_take(tmp_path: Path) -> None:
    """All are queued at once with the longest limit, so that none has to wait anew."""
    campaign = make(tmp_path / "c", n_trials=81)
    state = campaign.run().state
    jobs = list(campaign.cluster._jobs.values())
    assert len(state.of(TrialStatus.COMPLETED)) >= 1
    assert campaign.cluster.calls["shrink"] in range(1, 5)
    # The first array holds a seat for each leg of the rung plan, in one submission.
    first = [job for job in jobs if job.array == 1]
    assert len(first) == 81 + 27 + 9 + 3
    given_up = [job for job in first if minutes(job) < LONGEST]
    assert len(given_up) > 50
