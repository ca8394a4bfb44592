"""Promotion and stopping against what other implementations decided in the same games.

The games were recorded by benchmarks/asha_peers.py, which says what the peers are and where they
differ from each other and from the paper; the recorded games stay clear of that.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hpo.decisions.asha import Asha
from hpo.record import events as ev
from hpo.record.result import Outcome, Result
from hpo.record.state import CampaignState, TrialStatus, apply

GAMES = json.loads((Path(__file__).parents[1] / "data" / "asha_decisions.json").read_text())


def start(game: dict[str, Any], **how: Any) -> tuple[Asha, CampaignState]:
    asha = Asha(max_t=game["levels"][-1], reduction_factor=game["eta"], **how)
    assert list(asha.levels) == game["levels"]
    return asha, CampaignState()


def run_to(state: CampaignState, asha: Asha, trial_id: int, rung: int) -> None:
    """A seat takes the trial to that rung."""
    for drawn in range(len(state.trials), trial_id + 1):
        apply(state, ev.TrialDrawn(0.0, drawn, {"x": drawn}))
    if state.trials[trial_id].status is not TrialStatus.OFFERED:
        attempt = state.trials[trial_id].attempt + 1
        target = asha.levels[rung]
        apply(state, ev.LegOffered(0.0, trial_id, rung, attempt, target, asha.is_final(rung)))
    apply(state, ev.LegClaimed(0.0, trial_id, rung, state.trials[trial_id].attempt, f"{trial_id}"))


def finish(state: CampaignState, asha: Asha, trial_id: int, rung: int, value: float) -> ev.Event:
    """The leg's result, and what is decided on it."""
    trial = state.trials[trial_id]
    leg = (trial_id, rung, trial.attempt, f"{trial_id}")
    result = Result(Outcome.COMPLETED, value, asha.levels[rung], 1.0)
    apply(state, ev.LegFinished(0.0, *leg, result))
    decided = asha.after_rung(state, trial, 0.0)
    apply(state, decided)
    return decided


@pytest.mark.parametrize("game", GAMES["promotion"])
def test_promotes_whom_the_peers_promote(game: dict[str, Any]) -> None:
    asha, state = start(game)
    promotions = 0
    for what, trial_id, rung, *value in game["steps"]:
        if what == "tell":
            finish(state, asha, trial_id, rung, *value)
            continue
        # Of several in one rung the peers take the best first, and a seat here the oldest.
        due = [i for i in asha.promotions(state) if state.trials[i].status is TrialStatus.PAUSED]
        highest = max((state.trials[i].rung + 1 for i in due), default=0)
        assert rung == highest
        assert rung == 0 or trial_id in due
        promotions += rung > 0
        run_to(state, asha, trial_id, rung)
    assert promotions > 5


@pytest.mark.parametrize("game", GAMES["stopping"])
def test_stops_whom_the_peers_stop(game: dict[str, Any]) -> None:
    asha, state = start(game, stopping=True)
    stopped = 0
    for trial_id, rung, value, goes_on in game["steps"]:
        run_to(state, asha, trial_id, rung)
        decided = finish(state, asha, trial_id, rung, value)
        if not asha.is_final(rung):
            assert isinstance(decided, ev.LegOffered) == goes_on, (trial_id, rung)
            stopped += not goes_on
    assert stopped > 20
