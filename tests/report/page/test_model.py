"""The document that the page is drawn from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from histories import NOW, claimed, drawn, finished, offered
from made_campaigns import SPACE, Made

from hpo.folder.campaign import require
from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.report.page.history import follow
from hpo.report.page.model import Facts, build, curve_ids, spread
from hpo.report.page.sources import read

LEVELS = (1, 3, 9, 27)


def document_of(made: Made, root: Path) -> dict[str, Any]:
    made.write(root)
    sources = read(*require(root))
    plan = sources.plan
    facts = Facts(plan.space, plan.levels, plan.gpus, 0.0, sources.curves)
    return build(sources.history, facts)


def test_a_campaign_without_any_trial() -> None:
    for events in ([], [ev.CampaignStarted(NOW)]):
        found = build(follow(events, Goal()), Facts(SPACE, LEVELS, until=NOW + 9))
        assert found["trials"]["id"] == []
        assert found["axis"] is None
        assert found["best"] is None
        json.dumps(found, allow_nan=False)


def test_all_that_is_drawn_of_an_asha_campaign(tmp_path: Path) -> None:
    found = document_of(Made(n_trials=30, failed=0.1, preempted=0.1), tmp_path / "made")
    json.dumps(found, allow_nan=False)
    trials = found["trials"]
    assert trials["id"] == list(range(30))
    statuses = [trials["statuses"][n] for n in trials["status"]]
    assert {"paused", "failed"} <= set(statuses)
    assert [v is None for v in trials["value"]] == [s == "failed" for s in statuses]
    assert [trials["causes"][n] for n in trials["cause"]].count("ValueError") == statuses.count(
        "failed"
    )
    assert all(seconds > 0 for seconds in trials["seconds"])
    assert [one["name"] for one in found["hyperparameters"]] == list(SPACE)[:-1]
    assert found["constants"] == {"max_epochs": 27}
    best = min(v for v in trials["value"] if v is not None)
    assert trials["value"][found["best"]] == best
    assert found["incumbents"]["value"][-1] == pytest.approx(best, rel=1e-5)
    assert found["incumbents"]["hours"] == sorted(found["incumbents"]["hours"])
    rungs = found["rungs"]
    assert [rung["level"] for rung in rungs] == list(LEVELS)[: len(rungs)]
    assert rungs[0]["promoted"] >= rungs[1]["results"] > 0
    assert rungs[0]["best"] <= rungs[0]["median"]
    assert found["lines"] == {"best": found["lines"]["best"], "sample": []}
    assert found["lines"]["best"][0] == found["best"]
    curves = {curve["trial"]: curve for curve in found["curves"]}
    assert curves[found["best"]]["resource"] == list(
        range(1, trials["resource"][found["best"]] + 1)
    )
    seats = found["seats"]
    assert seats["running"][0] == [0, 0]
    assert max(number for _, number in seats["running"]) == 8
    assert {seats["kinds"][row[3]] for row in seats["rows"]} >= {"runs", "idle"}
    assert found["ended"] is True


def test_what_runs_is_told_too(tmp_path: Path) -> None:
    found = document_of(Made(n_trials=40, ended=None), tmp_path / "made")
    trials = found["trials"]
    running = [
        i
        for i, n in zip(trials["id"], trials["status"], strict=True)
        if trials["statuses"][n] == "running"
    ]
    assert running
    assert sum(rung["running"] for rung in found["rungs"]) == len(running)
    assert found["seats"]["running"][-1][1] == len(running)
    assert found["ended"] is False


def test_random_search_has_no_rungs_and_larger_may_be_better(tmp_path: Path) -> None:
    made = Made(n_trials=12, levels=(), mode="max", metric="accuracy", gpus=0)
    found = document_of(made, tmp_path / "made")
    assert found["rungs"] == []
    assert found["sign"] == -1
    assert found["hours_of"] == "job"
    assert found["trials"]["value"][found["best"]] == max(found["trials"]["value"])


def test_of_ten_thousand_trials_a_readable_part_is_drawn(tmp_path: Path) -> None:
    made = Made(n_trials=3000, reports_of=0, jobs=50)
    found = document_of(made, tmp_path / "made")
    assert (len(found["lines"]["best"]), len(found["lines"]["sample"])) == (200, 300)
    assert len(found["seats"]["running"]) < 500
    assert found["curves"] == []


def test_curves_are_the_best_those_that_run_and_a_sample() -> None:
    events: list[ev.Event] = [ev.CampaignStarted(NOW)]
    for n in range(400):
        events += [drawn_(n), offered(n), claimed(n, str(n))]
        if n < 390:
            events.append(finished(n, 1.0 - n / 1000, job_id=str(n)))
    chosen = curve_ids(follow(events, Goal("loss")).state)
    assert chosen[:3] == [389, 388, 387]
    assert set(range(390, 400)) <= set(chosen)
    assert len(chosen) == len(set(chosen)) == 80 + 10 + 160


def drawn_(trial_id: int) -> ev.TrialDrawn:
    return ev.TrialDrawn(NOW, trial_id, {"lr": trial_id})


@pytest.mark.parametrize(
    ("items", "most", "left"),
    [([], 3, []), ([1, 2], 3, [1, 2]), (range(101), 3, [0, 50, 100])],
)
def test_what_is_spread_keeps_its_ends(items: Sequence[int], most: int, left: list[int]) -> None:
    assert spread(items, most) == left


def test_reports_that_nobody_can_draw_are_left_out() -> None:
    events: list[ev.Event] = [
        ev.CampaignStarted(NOW),
        drawn(0),
        offered(0),
        claimed(0),
        finished(0),
    ]
    good = {"epoch": 1, "loss": 0.5, "time": NOW + 1}
    odd: list[dict[str, Any]] = [{}, good | {"loss": None}, good | {"loss": 10**400}, good]
    curves = {0: odd, 1: [good | {"time": "noon"}]}
    found = build(follow(events, Goal("loss")), Facts(curves=curves))
    assert [curve["value"] for curve in found["curves"]] == [[0.5]]


def test_a_rung_beyond_the_levels_has_no_level() -> None:
    events: list[ev.Event] = [
        ev.CampaignStarted(NOW),
        drawn(0),
        offered(0),
        claimed(0),
        finished(0, None),
    ]
    found = build(follow(events, Goal("loss")), Facts(levels=()))
    assert found["rungs"] == []
    short: list[ev.Event] = [ev.TrialDrawn(NOW, 1, {}, 5), ev.LegOffered(NOW, 1, 5, 0, 9)]
    short.append(ev.LegClaimed(NOW, 1, 5, 0, "9"))
    found = build(follow([*events, *short], Goal("loss")), Facts(levels=(1,)))
    assert [(r["level"], r["best"], r["running"]) for r in found["rungs"]] == [
        (1, None, 0),
        (None, None, 1),
    ]
