"""Suggestions made anew survive the manager's death, and no seat idles while it is away."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path
from typing import Any

import pytest
from simulation import Campaign, require_same_results

from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.folder.journal import read_events
from hpo.record import events as ev
from hpo.search.searcher import Searcher
from hpo.search.tpe import Tpe
from hpo.space.domains import loguniform, uniform
from hpo.space.space import Space

FRESH = {"fresh": True, "offers_ahead": 4}
SPACE = {"lr": loguniform(1e-3, 1.0), "drop": uniform(0.0, 0.5), "max_epochs": 9}


def tpe(space: Space, seed: int) -> Searcher:
    return Tpe(space, seed, (), n_initial=4, gamma=0.15, most_good=25, n_candidates=24)


def campaign(folder: Path, seed: int, asha: Asha | None, **more: Any) -> Campaign:
    model = ClusterModel(
        seats=4, queue_wait_s=60.0, preemption_rate=0.1, failure_rate=0.05, seed=seed
    )
    told: dict[str, Any] = {"limits": FRESH, "space": dict(SPACE), "searcher": tpe} | more
    return Campaign(folder, model=model, n_trials=16, seed=seed, asha=asha, **told)


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)


@pytest.mark.parametrize("seed", range(4))
def test_the_same_is_suggested_with_crashes_as_without(tmp_path: Path, seed: int) -> None:
    asha = Asha(max_t=9) if seed % 2 else None
    whole = campaign(tmp_path / "whole", seed, asha)
    whole.run()
    assert b"TrialRedrawn" in whole.journal_bytes()
    crashed = campaign(tmp_path / "crashed", seed, asha)
    dice = random.Random(seed)
    left = iter([dice.randint(1, 15) for _ in range(40)])
    _, crashes = crashed.run_crashing(lambda: next(left, None))
    assert crashes == 40
    assert crashed.journal_bytes() == whole.journal_bytes()
    require_same_results(crashed, whole)


@pytest.mark.parametrize("seed", range(2))
def test_each_trial_runs_with_the_configuration_that_the_journal_has_last(
    tmp_path: Path, seed: int
) -> None:
    whole = campaign(tmp_path / "c", seed, None)
    state = whole.run().state
    taken: dict[int, dict[str, Any]] = {}
    for event in read_events(whole.layout.journal):
        if isinstance(event, (ev.TrialDrawn, ev.TrialRedrawn)):
            taken[event.trial_id] = dict(event.config)
    files = [whole.layout.result(i) for i in range(16)]
    results = {i: json.loads(file.read_text())["config"] for i, file in enumerate(files)}
    assert results == taken == {i: dict(trial.config) for i, trial in state.trials.items()}


def test_while_the_manager_is_away_seats_find_as_much_work(tmp_path: Path) -> None:
    """For ten minutes each time, in which trials end: all offers but the next one stayed."""

    def ends_at(name: str, *, fresh: bool) -> float:
        away = campaign(tmp_path / name, 1, None, downtime_s=600.0, limits=FRESH | {"fresh": fresh})
        dice = random.Random(1)
        left = iter([dice.randint(20, 40) for _ in range(8)])
        away.run_crashing(lambda: next(left, None))
        events = read_events(away.layout.journal)
        assert any(isinstance(event, ev.TrialRedrawn) for event in events) == fresh
        return max(event.time for event in events)

    assert ends_at("fresh", fresh=True) <= 1.1 * ends_at("kept", fresh=False)
