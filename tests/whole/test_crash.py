"""The manager dies anywhere, any number of times; the campaign ends as if it never had."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from simulation import ROUGH, Campaign, SteppedWall, require_same_results

from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.folder.journal import read_events


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """What survives a dead process is what was written; syncing guards against dead machines."""
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


def test_a_campaign_in_virtual_time_ends_with_every_trial_completed(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c", model=ROUGH)
    manager = campaign.run()
    assert manager.state.ended == "all trials ended"
    results = [json.loads(campaign.layout.result(i).read_text()) for i in range(20)]
    assert {r["status"] for r in results} == {"completed"}
    final = json.loads(campaign.layout.final_results.read_text())
    assert final["best_error"] == min(r["error"] for r in results)
    assert final["n_trials"] == 20
    assert not list(campaign.layout.claims.iterdir())
    assert not list(campaign.layout.offers.iterdir())


def test_a_crash_at_every_step_leaves_the_same_journal(tmp_path: Path) -> None:
    expected = Campaign(tmp_path / "whole", model=ROUGH, n_trials=8)
    expected.run()
    step, ended_without_crash = 0, False
    while not ended_without_crash:
        step += 1
        campaign = Campaign(tmp_path / f"crash{step}", model=ROUGH, n_trials=8)
        plan = iter([step])
        _, crashes = campaign.run_crashing(partial(next, plan, None))
        assert campaign.journal_bytes() == expected.journal_bytes(), f"crash before step {step}"
        require_same_results(campaign, expected)
        ended_without_crash = crashes == 0
    assert step > 100  # otherwise the crash points are not where the work is


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(4))
def test_two_hundred_campaigns_with_thirty_crashes_each(tmp_path: Path, batch: int) -> None:
    for seed in range(batch * 50, batch * 50 + 50):
        model = ClusterModel(
            seats=4, queue_wait_s=60.0, preemption_rate=0.1, failure_rate=0.05, seed=seed
        )
        whole = Campaign(tmp_path / f"whole{seed}", model=model, n_trials=10, seed=seed)
        whole.run()
        crashed = Campaign(tmp_path / f"crashed{seed}", model=model, n_trials=10, seed=seed)
        dice = random.Random(seed)
        left = iter([dice.randint(1, 12) for _ in range(30)])
        _, crashes = crashed.run_crashing(partial(next, left, None))
        assert crashes == 30
        assert crashed.journal_bytes() == whole.journal_bytes(), f"seed {seed}"
        require_same_results(crashed, whole)


@pytest.mark.parametrize("seed", range(4))
def test_bad_nodes_are_judged_with_crashes_as_without(tmp_path: Path, seed: int) -> None:
    limits = {"max_lost_legs": 60}
    model = ClusterModel(seats=4, queue_wait_s=60.0, failure_rate=0.65, seed=seed)
    whole = Campaign(tmp_path / "whole", model=model, n_trials=24, seed=seed, limits=limits)
    whole.run()
    assert b"NodeQuarantined" in whole.journal_bytes()
    crashed = Campaign(tmp_path / "crashed", model=model, n_trials=24, seed=seed, limits=limits)
    dice = random.Random(seed)
    left = iter([dice.randint(1, 15) for _ in range(60)])
    _, crashes = crashed.run_crashing(lambda: next(left, None))
    assert crashes == 60
    assert crashed.journal_bytes() == whole.journal_bytes()
    require_same_results(crashed, whole)


@pytest.mark.parametrize("seed", range(6))
def test_asha_makes_the_same_decisions_with_crashes_as_without(tmp_path: Path, seed: int) -> None:
    model = ClusterModel(
        seats=4, queue_wait_s=60.0, preemption_rate=0.1, failure_rate=0.05, seed=seed
    )
    asha = Asha(max_t=9, reduction_factor=3, stopping=seed == 5, brackets=2 if seed == 4 else 1)
    whole = Campaign(tmp_path / "whole", model=model, n_trials=18, seed=seed, asha=asha)
    whole.space["max_epochs"] = 9
    whole.run()
    crashed = Campaign(tmp_path / "crashed", model=model, n_trials=18, seed=seed, asha=asha)
    crashed.space["max_epochs"] = 9
    dice = random.Random(seed)
    left = iter([dice.randint(1, 20) for _ in range(30)])
    _, crashes = crashed.run_crashing(lambda: next(left, None))
    assert crashes == 30
    assert crashed.journal_bytes() == whole.journal_bytes()
    require_same_results(crashed, whole)
    trained = Counter(crashed.cluster.lives.use.legs_run)
    assert set(trained.values()) == {1}  # no leg twice
    assert any(trial.rung > trial.bracket for trial in whole.run().state.trials.values())


@pytest.mark.parametrize("seed", range(10))
def test_seats_go_on_while_the_manager_is_dead(tmp_path: Path, seed: int) -> None:
    """With hours of downtime times differ; trials, results and the rule of once do not."""
    model = ClusterModel(
        seats=4, queue_wait_s=60.0, preemption_rate=0.1, failure_rate=0.05, seed=seed
    )
    whole = Campaign(tmp_path / "whole", model=model, seed=seed)
    whole.run()
    crashed = Campaign(tmp_path / "crashed", model=model, seed=seed, downtime_s=900.0)
    dice = random.Random(seed)
    left = iter([dice.randint(5, 60) for _ in range(10)])
    crashed.run_crashing(lambda: next(left, None))
    require_same_results(crashed, whole)
    trained = Counter(trial_id for trial_id, _ in crashed.cluster.lives.use.legs_run)
    assert trained == Counter(range(20))


@pytest.mark.parametrize("seed", range(8))
def test_a_clock_that_is_set_changes_no_byte_of_the_journal(tmp_path: Path, seed: int) -> None:
    """Set all the time, between managers and under each; limits of time, rests and all."""
    model = ClusterModel(
        seats=4, queue_wait_s=60.0, preemption_rate=0.1, failure_rate=0.3, seed=seed
    )
    common: dict[str, Any] = {"model": model, "n_trials": 16, "seed": seed}
    common["asha"] = Asha(max_t=9, reduction_factor=3) if seed % 2 else None
    # Two of them end by their limit, before all trials have run.
    common["limits"] = {"max_wallclock_s": 900.0 if seed < 2 else 86400.0, "max_lost_legs": 60}
    whole = Campaign(tmp_path / "whole", **common)
    whole.run()
    assert (b"max_wallclock_time" in whole.journal_bytes()) == (seed < 2)
    dice = random.Random(seed)
    crashed = Campaign(tmp_path / "crashed", **common, wall=SteppedWall(dice))
    left = iter([dice.randint(1, 15) for _ in range(20)])
    _, crashes = crashed.run_crashing(lambda: next(left, None))
    assert crashes == 20
    assert crashed.wall is not None
    assert crashed.wall.steps > 10
    assert crashed.journal_bytes() == whole.journal_bytes()
    require_same_results(crashed, whole)


@pytest.mark.parametrize("seed", range(6))
def test_managers_on_machines_with_other_clocks_lose_nothing(tmp_path: Path, seed: int) -> None:
    """Times differ then; trials, results and the rule of once do not, and time never goes back."""
    model = ClusterModel(
        seats=4, queue_wait_s=60.0, preemption_rate=0.1, failure_rate=0.3, seed=seed
    )
    common: dict[str, Any] = {"model": model, "seed": seed, "limits": {"max_lost_legs": 60}}
    whole = Campaign(tmp_path / "whole", **common)
    whole.run()
    dice = random.Random(seed)
    wall = SteppedWall(dice, one_machine=False)
    crashed = Campaign(tmp_path / "crashed", **common, wall=wall)
    left = iter([dice.randint(5, 60) for _ in range(10)])
    crashed.run_crashing(lambda: next(left, None))
    require_same_results(crashed, whole)
    times = [event.time for event in read_events(crashed.layout.journal)]
    # But for rounding, where a clock that was set is set back.
    assert all(later >= earlier - 1e-9 for earlier, later in pairwise(times))
    # As soon as without, but for what a dead manager held up.
    assert crashed.clock.now() <= whole.clock.now() + 600.0


def test_the_manager_is_not_missed_while_offers_last(tmp_path: Path) -> None:
    """It dies once its seats wait in the queue; all trials run without it."""
    model = ClusterModel(seats=4, queue_wait_s=60.0)
    campaign = Campaign(tmp_path / "c", model=model, at_once=4)
    manager = campaign.manager()
    manager.start()
    manager.tick()
    campaign.clock.advance(20 * 3600.0)
    assert sorted(i for i, _ in campaign.cluster.lives.use.legs_run) == list(range(20))
    assert campaign.run().state.ended is not None
    assert campaign.cluster.calls["submit"] == 1


def test_a_journal_cut_at_each_byte_of_its_last_lines_is_repaired(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "whole", model=ROUGH, n_trials=6)
    campaign.run()
    whole = campaign.journal_bytes()
    tail = len(b"\n".join(whole.splitlines()[-4:])) + 1
    for cut in range(1, tail + 1):
        campaign.layout.journal.write_bytes(whole[:-cut])
        campaign.run()
        names = [json.loads(line).get("event") for line in campaign.journal_bytes().splitlines()]
        assert names[-1] == "CampaignEnded"
        assert names.count("CampaignEnded") == 1
        assert names.count("TrialCompleted") == 6


@pytest.mark.parametrize("seats", [1, 8, 64])
def test_the_same_seed_gives_the_same_trials_with_any_number_of_seats(
    tmp_path: Path, seats: int
) -> None:
    one = Campaign(tmp_path / "one", model=ClusterModel(seats=1), at_once=1, n_trials=30)
    many = Campaign(tmp_path / "many", model=ClusterModel(seats=seats), at_once=seats, n_trials=30)
    assert _configs(one) == _configs(many)


def _configs(campaign: Campaign) -> dict[int, object]:
    state = campaign.run().state
    return {i: trial.config for i, trial in state.trials.items()}


def test_no_more_jobs_run_or_wait_than_allowed(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c", model=ROUGH, at_once=3, max_queued=5, n_trials=20)
    manager = campaign.manager()
    manager.start()
    while manager.state.ended is None:
        manager.tick()
        live = campaign.cluster.poll(())
        assert campaign.cluster.running() <= 3
        assert len(live) <= 5
        campaign.clock.sleep(1.0)


def test_a_resumed_journal_is_read_by_a_new_manager_as_it_is(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c", model=ROUGH, n_trials=5)
    campaign.run()
    before = campaign.journal_bytes()
    assert campaign.run().state.ended is not None
    assert campaign.journal_bytes() == before
