"""What the page says of a campaign in words."""

from __future__ import annotations

from typing import Any

import pytest
from histories import NOW, claimed, drawn, failed, finished, lost, offered

from hpo.decisions.scheduler import BREAKER, STOPPED_BY_USER
from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.record.state import CampaignState
from hpo.report.page import panels, words
from hpo.report.page.history import History, follow
from hpo.report.page.lanes import IDLE, PREEMPTED, RUNS, STARTING, WAITING, Lanes
from hpo.report.page.scales import Axis
from hpo.report.status_document import Status

ONE: list[ev.Event] = [ev.CampaignStarted(NOW), drawn(0), offered(0), claimed(0)]
DONE: list[ev.Event] = [*ONE, finished(0), ev.TrialCompleted(NOW, 0)]


def history_of(*events: ev.Event) -> History:
    return follow(events, Goal("loss"))


def state_of(*events: ev.Event) -> CampaignState:
    return history_of(*events).state


@pytest.mark.parametrize(
    ("events", "silent_s", "word", "tone"),
    [
        ([], None, "not begun", "quiet"),
        (ONE, None, "running", "active"),
        (ONE, 20.0, "running", "active"),
        (ONE, 4000.0, "not managed", "bad"),
        ([*ONE, ev.CampaignEnding(NOW, "max_gpu_hours")], 1.0, "ending", "active"),
        ([*DONE, ev.CampaignEnded(NOW, "all trials ended")], 1e6, "completed", "good"),
        ([*DONE, ev.CampaignEnded(NOW, STOPPED_BY_USER)], None, "stopped", "quiet"),
        ([ev.CampaignStarted(NOW), ev.CampaignEnded(NOW, BREAKER)], None, "failed", "bad"),
        ([ev.CampaignStarted(NOW), ev.CampaignEnded(NOW, "x")], None, "no result", "bad"),
    ],
)
def test_how_it_stands(
    events: list[ev.Event], silent_s: float | None, word: str, tone: str
) -> None:
    found = panels.standing(state_of(*events), silent_s)
    assert (found.word, found.tone) == (word, tone)


def test_trials_are_counted_by_where_they_stand() -> None:
    events: list[ev.Event] = [
        *DONE,
        drawn(1),
        offered(1),
        claimed(1, "8"),
        failed(1, job_id="8"),
        ev.TrialFailed(NOW, 1, "ValueError", "bad"),
        drawn(2),
        offered(2),
        claimed(2, "9"),
        drawn(3),
        offered(3),
        claimed(3, "10"),
        lost(3, job_id="10"),
        drawn(4),
        offered(4),
    ]
    assert panels.counts(state_of(*events), 9) == [
        ("completed", 1),
        ("running", 1),
        ("failed", 1),
        ("waiting to go on", 1),
        ("to come", 5),
    ]
    assert panels.counts(state_of(*events), None)[-1] == ("to come", 1)
    over = state_of(*DONE, ev.CampaignEnded(NOW, "max_gpu_hours"))
    assert panels.counts(over, 9) == [("completed", 1), ("never started", 8)]


@pytest.mark.parametrize(
    ("events", "text"),
    [
        ([], "No trial has a result yet, and none runs."),
        (ONE, "No trial has a result yet; 1 runs."),
        ([*ONE, drawn(1), offered(1), claimed(1, "8")], "No trial has a result yet; 2 run."),
        (DONE, "So far trial 0 is the best of 1 with a result: loss 0.5 at epoch 9."),
        (
            [*DONE, ev.CampaignEnded(NOW, "all trials ended")],
            "Trial 0 is the best of 1 with a result: loss 0.5 at epoch 9.",
        ),
        (
            [*ONE, failed(0), ev.TrialFailed(NOW, 0, "ValueError", "bad")],
            "No trial has a result: 1 failed, all with ValueError.",
        ),
    ],
)
def test_the_outcome_in_a_sentence(events: list[ev.Event], text: str) -> None:
    assert words.outcome(state_of(*events), 1) == text


def test_several_causes_are_not_named_as_one() -> None:
    second: list[ev.Event] = [
        drawn(1),
        offered(1),
        claimed(1, "8"),
        failed(1, "OSError", job_id="8"),
    ]
    state = state_of(
        *ONE,
        failed(0),
        ev.TrialFailed(NOW, 0, "ValueError", "bad"),
        *second,
        ev.TrialFailed(NOW, 1, "OSError", "bad"),
    )
    assert words.outcome(state, 0) == "No trial has a result: 2 failed."


def test_how_the_best_came_about() -> None:
    assert words.incumbent(history_of(), NOW, None) == "There is no result yet."
    alone = words.incumbent(history_of(*DONE), NOW, Axis(False, 0, 1, 1))
    assert alone == (
        "The first result, loss 0.5, is still the best. 1 value is far worse and drawn at the edge."
    )
    second: list[ev.Event] = [drawn(1), offered(1), claimed(1, "8"), finished(1, 0.25, job_id="8")]
    better = words.incumbent(history_of(*DONE, *second), NOW + 600, Axis(False, 0, 1, 3))
    assert "went from 0.5 to 0.25 in 2 steps" in better
    assert "by trial 1, came 10 min before" in better
    assert "3 values are far worse" in better
    assert "gets worse" not in better
    worse: list[ev.Event] = [ev.TrialPaused(NOW, 1), ev.LegOffered(NOW, 1, 1, 1, 27)]
    worse += [ev.LegClaimed(NOW, 1, 1, 1, "9"), failed(1, job_id="9", attempt=1)]
    worse[-1] = ev.LegFinished(NOW, 1, 1, 1, "9", worse[-1].result)  # type: ignore[union-attr]
    worse.append(ev.TrialFailed(NOW, 1, "ValueError", "bad"))
    fell = words.incumbent(history_of(*DONE, *second, *worse), NOW, None)
    assert "Where the line gets worse" in fell


def test_which_curves_are_drawn_is_said() -> None:
    assert words.curves(0, 0, 0, None) == "No trial has reported yet."
    assert words.curves(28, 30, 30, None).startswith("One line for each trial that has reported")
    assert words.curves(240, 240, 10_000, None).startswith("240 of 10000 trials: the best")


def test_rungs_in_a_sentence() -> None:
    assert "no rungs" in words.rungs([], [])
    row = {"bracket": 0, "level": 1, "results": 0, "promoted": 0}
    assert words.rungs([1, 3], [row]) == "No trial has reached a rung yet."
    rows = [
        row | {"results": 9, "promoted": 3},
        row | {"level": 3, "results": 3},
        row | {"level": 3, "bracket": 1, "results": 2},
    ]
    assert words.rungs([1, 3], rows).startswith("Of the trials 9 reached 1, 5 reached 3.")


def test_what_jobs_did_in_a_sentence() -> None:
    nothing = dict.fromkeys((RUNS, STARTING, WAITING, PREEMPTED, IDLE), 0.0)
    assert words.seats(Lanes((), 0, 0, nothing)) == "No job has taken a trial yet."
    assert words.seats(Lanes((), 1, 1, nothing)).startswith("Up to 1 job ran at once.")
    told = words.seats(Lanes((), 40, 90, nothing | {RUNS: 75.0, IDLE: 25.0}))
    assert "75 % training, 25 % without work" in told
    assert told.endswith("40 of the 90 are drawn.")


def test_what_is_drawn_of_hyperparameters_is_said() -> None:
    assert "constant" in words.slices(0, 5, None)
    assert words.slices(3, 0, None) == "No trial has a result yet."
    assert words.slices(3, 5, None).startswith("One dot for each trial")
    assert "too few" in words.parallel(1, 0)
    assert words.parallel(30, 0).startswith("Each line is a trial.")
    assert words.parallel(200, 300).startswith("Each line is one of the 200 best; grey: 300")


def test_what_was_lost_is_told_with_its_causes() -> None:
    assert words.lost(history_of(*DONE), 1, "GPU") == ""
    history = history_of(*ONE, lost(0))
    assert words.lost(history, 2, "GPU") == "1 leg lost (1 preempted): 0 GPU-hours to be redone."


@pytest.mark.parametrize(
    ("seconds", "text"), [(50, "50 s"), (7200, "2 h"), (3 * 86400, "3 days"), (2e5, "2 days 8 h")]
)
def test_spans_also_of_days(seconds: float, text: str) -> None:
    assert words.span(seconds) == text


@pytest.mark.parametrize(("n", "text"), [(0, "no trial"), (1, "1 trial"), (2, "2 trials")])
def test_counts(n: int, text: str) -> None:
    assert words.count(n, "trial") == text


@pytest.mark.parametrize(
    ("document", "jobs", "hours"),
    [
        ({}, "Jobs: 0 run, 0 wait.", ""),
        (
            {
                "jobs": {
                    "running": 3,
                    "queued": 9,
                    "reasons": [
                        {"reason": "Priority", "count": 7, "text": "for their turn"},
                        {"reason": "QOSMax", "count": 2, "setting": "max_concurrent_jobs: 3"},
                    ],
                },
                "forecast": {"end": 5, "hours": 41.0, "hours_low": 36.0, "hours_high": 52.0},
                "hours_of": "GPUs",
            },
            "Jobs: 3 run, 9 wait: 7: for their turn; 2: QOSMax (max_concurrent_jobs: 3).",
            "41.0 GPU-hours (36.0 to 52.0)",
        ),
        ({"forecast": {"end": 5, "hours": 0.5}}, "Jobs: 0 run, 0 wait.", "0.50 job-hours"),
        ({"forecast": {"end": 5}}, "Jobs: 0 run, 0 wait.", ""),
    ],
)
def test_what_is_to_come_is_told_as_the_manager_said(
    document: dict[str, Any], jobs: str, hours: str
) -> None:
    found = panels.ahead(Status.of(document))
    assert found is not None
    assert (found.jobs, found.hours) == (jobs, hours)
    assert panels.ahead(None) is None


USED: dict[str, Any] = {
    "mem_used_mb": 900,
    "mem_had_mb": 20_480,
    "time_had_s": 14_400,
    "gpu_use": 45.0,
    "gpu_mem_mb": 3000,
    "gpu_mem_had_mb": 24_000,
}


def test_what_was_used_of_what_was_asked_for() -> None:
    assert list(panels.meters(state_of(*ONE), 1)) == []
    found = list(panels.meters(state_of(*ONE, finished(0, elapsed=1440.0, **USED)), 1))
    told = [(one.used, one.had) for one in found]
    assert told == [
        ("0.40", "4.00 asked for"),
        ("24 min", "4 h asked for"),
        ("900 MB", "20.0 GB asked for"),
        ("45 %", ""),
        ("3000 MB", "23.4 GB there"),
    ]
    assert [round(one.share, 2) for one in found] == [0.1, 0.1, 0.04, 0.45, 0.12]
    jobs = next(panels.meters(state_of(*ONE, finished(0, **USED)), 0))
    assert jobs.name == "job-hours that trials used"


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        (
            {"slurm": {"time": "4:00:00", "mem": "8G"}, "hpo": {"trials_per_job": 1}},
            ["time", "mem"],
        ),
        ({"slurm": {"time": "4:00:00", "mem": "auto"}, "hpo": {"trials_per_job": 9}}, []),
        ({"slurm": 3, "hpo": None}, ["mem"]),
    ],
)
def test_what_to_ask_for_next_time(settings: dict[str, Any], asked: list[str]) -> None:
    lines = panels.advice(state_of(*ONE, finished(0, elapsed=60.0, **USED)), 1, settings)
    named = [text.partition(":")[0] for line in lines for text, is_code in line if is_code]
    assert list(dict.fromkeys(named)) == asked
    assert all(line[0][1] is False for line in lines)
