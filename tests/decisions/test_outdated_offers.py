"""Offers that ask for more than they have to are taken back and made anew."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from histories import finished, offered, running, state_after
from simulation import Campaign

from hpo.cluster.simulated.arrival import Constant
from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.limits import Limits
from hpo.decisions.needs import outdated_offers
from hpo.record import events as ev
from hpo.record.pace import ENOUGH, SURE
from hpo.record.state import CampaignState, TrialStatus
from hpo.units.sizes import usable_s

AUTO = Limits(100, timed=True, max_time_s=6000, learn_time=True, max_mem_mb=4096)


def campaign(ended: int, *, mem_mb: int = 0, time_s: int = 0) -> CampaignState:
    """Some trials have ended, and one more is offered."""
    first = [*running(*range(ended)), *[finished(i, job_id=str(i)) for i in range(ended)]]
    drawn = ev.TrialDrawn(0.0, ended, {"lr": 1})
    return state_after([*first, drawn, replace(offered(ended), mem_mb=mem_mb, time_s=time_s)])


def test_what_wants_all_of_a_seat_is_outdated_once_times_are_known() -> None:
    assert outdated_offers(campaign(SURE, time_s=6000), AUTO) == {SURE}
    assert outdated_offers(campaign(SURE, time_s=5999), AUTO) == set()
    # The first legs that end are the fastest.
    assert outdated_offers(campaign(ENOUGH, time_s=6000), AUTO) == set()


def test_what_takes_all_of_a_seat_may_ask_for_it() -> None:
    slow = replace(AUTO, max_time_s=1)
    assert outdated_offers(campaign(SURE, time_s=1), slow) == set()


def test_what_asks_for_more_than_any_seat_may_have_is_outdated() -> None:
    assert outdated_offers(campaign(0, time_s=6001), AUTO) == {0}
    assert outdated_offers(campaign(0, mem_mb=4097), AUTO) == {0}
    assert outdated_offers(campaign(0, mem_mb=4096), AUTO) == set()
    # Where times are not learned any more, a new seat takes any leg.
    fixed = replace(AUTO, learn_time=False)
    assert outdated_offers(campaign(SURE, time_s=9999), fixed) == set()


@pytest.mark.parametrize("learns", [False, True])
def test_a_seat_that_goes_on_takes_also_what_was_offered_before_times_were_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learns: bool
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    model = ClusterModel(
        seats=4,
        arrival=Constant(0.0),
        legs_per_job=None,
        time_min=600,
        epoch_s=30.0,
        poll_s=30.0,
        seed=1,
    )
    limits = {"timed": True, "max_time_s": usable_s(600), "learn_time": learns}
    seats = {"legs_per_seat": None, "learn_time_to": 600 if learns else None, "queue_ahead": 0}
    made = Campaign(
        tmp_path / "c",
        model=model,
        n_trials=60,
        at_once=4,
        limits=limits | {"offers_untimed": 8},
        seat_limits=seats,
    )
    made.space["max_epochs"] = 9
    state = made.run().state
    assert len(state.of(TrialStatus.COMPLETED)) == 60
    # Four would do; a few more find nothing to do while nobody knows, and end.
    assert made.cluster.lives.use.started <= (12 if learns else 4)
