"""What `hpo why` says of a trial, from histories and from whole campaigns in virtual time."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from histories import (
    NOW,
    claimed,
    drawn,
    failed,
    finished,
    lost,
    offered,
    running,
    state_after,
)
from simulation import Campaign

from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.folder.journal import read_events
from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.record.result import Outcome, Result
from hpo.report.story import Rules, standing, tell

RULES = Rules(Goal("loss"))
RUNGS = Rules(Goal("loss"), levels=(1, 3, 9), reduction_factor=3)


def texts(events: list[ev.Event], trial_id: int = 0, rules: Rules = RULES) -> list[str]:
    return [step.text for step in tell(events, trial_id, rules)[0]]


def now(events: list[ev.Event], trial_id: int = 0, rules: Rules = RULES) -> str:
    return standing(state_after(events), trial_id, rules)


def reached(trial_id: int, metric: float | None, rung: int = 0, attempt: int = 0) -> list[ev.Event]:
    """It ran to the rung and pauses there."""
    job, target = f"{trial_id}_{rung}", RUNGS.levels[rung]
    result = Result(Outcome.COMPLETED, metric, target, 2.0)
    return [
        ev.LegOffered(NOW, trial_id, rung, attempt, target, final=False),
        ev.LegClaimed(NOW, trial_id, rung, attempt, job),
        ev.LegFinished(NOW, trial_id, rung, attempt, job, result),
        ev.TrialPaused(NOW, trial_id),
    ]


THREE: list[ev.Event] = [
    *(drawn(i) for i in range(3)),
    *reached(0, 0.5),
    *reached(1, 0.25),
    *reached(2, 0.75),
]


def test_a_job_that_takes_several_legs() -> None:
    events: list[ev.Event] = [drawn(0), drawn(1)]
    for event in [*reached(0, 0.5), *reached(1, 0.25)]:
        if isinstance(event, ev.LegClaimed | ev.LegFinished):
            event = replace(event, job_id="9")
        events.append(event)
    events += [ev.LegOffered(NOW, 1, 1, 1, 9), ev.LegClaimed(NOW, 1, 1, 1, "9")]
    took = [text for text in texts(events, 1) if text.startswith("job 9")]
    assert took == ["job 9 took it after trial 0, attempt 1", "job 9 went on with it, attempt 2"]


def test_a_trial_that_ran_through() -> None:
    events = [*running(0), finished(0, job_id="0"), ev.TrialCompleted(NOW, 0)]
    assert texts(events) == [
        "drawn",
        "offered to epoch 9: a new trial",
        "job 0 took it, attempt 1",
        "reached epoch 9 after 12.5 s: loss=0.5",
        "decided: complete, nothing is left to run",
    ]
    assert now(events) == "it is complete: loss=0.5, rank 1 of 1 trials with a result"


def test_a_trial_that_returned_early_at_its_best() -> None:
    early = finished(0, job_id="0", resource=4, early=True)
    events = [*running(0), early, ev.TrialCompleted(NOW, 0)]
    assert texts(events)[3] == "returned early, at epoch 4 after 12.5 s: loss=0.5"
    rules = Rules(Goal("loss", trial_value="best"))
    assert now(events, rules=rules) == (
        "it is complete early, as its code returned: loss=0.5 at its best,"
        " rank 1 of 1 trials with a result"
    )


def test_only_the_trial_that_was_asked_for_is_told_of() -> None:
    events = [*running(0, 1), finished(1, job_id="1"), ev.TrialCompleted(NOW, 1)]
    assert len(texts(events, 0)) == 3
    assert len(texts(events, 1)) == 5
    assert texts(events, 7) == []


def test_each_way_an_attempt_can_end_is_told_with_what_was_done_about_it() -> None:
    events: list[ev.Event] = [
        *running(0),
        lost(0, "preempted", job_id="0", saved=4),
        offered(0, 1),
        claimed(0, "8", 1),
        lost(0, "vanished", job_id="8", attempt=1),
        offered(0, 2),
        claimed(0, "9", 2),
        ev.LegReturned(NOW, 0, 0, 3),
        claimed(0, "9", 3),
        finished(0, None, job_id="9", attempt=3, outcome="interrupted", message="asked"),
        offered(0, 4),
        claimed(0, "10", 4),
        failed(0, job_id="10", attempt=4),
        ev.TrialFailed(NOW, 0, "ValueError", "bad 0"),
        offered(0, 5),
    ]
    said = texts(events)
    assert said[3:] == [
        "lost (preempted): its job was preempted; saved up to epoch 4",
        "offered to epoch 9: again, because its job was lost (preempted)",
        "job 8 took it, attempt 2",
        "lost (vanished): its job was vanished; nothing was saved",
        "offered to epoch 9: again, because its job was lost (vanished)",
        "job 9 took it, attempt 3",
        "its job was requeued and gave it back: it is offered again",
        "job 9 took it, attempt 4",
        "was asked to leave, saved and left at epoch 9 after 12.5 s: asked",
        "offered to epoch 9: again, because it had been interrupted",
        "job 10 took it, attempt 5",
        "failed after 12.5 s: ValueError: bad 0",
        "decided: failed (ValueError): bad 0",
        "offered to epoch 9: again, after a repair",
    ]
    ends = [(s.attempt, s.job_id, s.ended) for s in tell(events, 0, RULES)[0] if s.ended]
    assert ends == [
        (0, "0", "lost"),
        (1, "8", "lost"),
        (2, "9", "returned"),
        (3, "9", "interrupted"),
        (4, "10", "failed"),
    ]
    assert now(events[:-1]) == "it failed (ValueError)"


def test_the_end_of_the_campaign_belongs_to_a_trial_that_is_open() -> None:
    ending: list[ev.Event] = [ev.CampaignEnding(NOW, "time"), ev.OfferRevoked(NOW, 0, 0, 0)]
    stop: list[ev.Event] = [*ending, ev.TrialStopped(NOW, 0, "time"), ev.CampaignEnded(NOW, "time")]
    again: list[ev.Event] = [ev.CampaignReopened(NOW, "more"), offered(0, 1)]
    events: list[ev.Event] = [ev.CampaignStarted(NOW), drawn(0), offered(0), *stop, *again]
    assert texts(events)[2:] == [
        "the campaign begins to end: time",
        "the offer was taken back; no job had taken it",
        "decided: stopped: time",
        "the campaign ends: time",
        "the campaign goes on: more",
        "offered to epoch 9: again, because the campaign goes on",
    ]
    assert now(events[:-2]) == "it is stopped (time); it goes on when the campaign does"
    done: list[ev.Event] = [*running(0), finished(0, job_id="0"), ev.TrialCompleted(NOW, 0)]
    assert len(texts([*done, *[e for e in stop if isinstance(e, ev.CampaignEnding)]])) == 5


def test_a_trial_cancelled_by_the_user_is_stopped_for_good() -> None:
    events = [*running(0), lost(0, "cancelled", job_id="0"), ev.TrialStopped(NOW, 0, "you")]
    assert now(events) == "it is stopped for good, because its job was cancelled by the user"


def test_where_an_open_trial_stands() -> None:
    assert now([drawn(0)]).startswith("its leg has ended")
    events: list[ev.Event] = [drawn(0), drawn(1), offered(0), offered(1)]
    assert now(events, 0) == "it waits for a job; no other legs will be taken before it"
    assert now(events, 1) == "it waits for a job; 1 other leg will be taken before it"
    # What needs more memory is taken first, because few seats have it.
    events = [drawn(0), drawn(1), offered(0), replace(offered(1), mem_mb=6144)]
    assert now(events, 0) == "it waits for a job; 1 other leg will be taken before it"
    assert now(events, 1) == "it waits for a job; no other legs will be taken before it"
    assert now([*events, claimed(1, "5")], 1) == "it runs in job 5 to epoch 9"


def test_a_paused_trial_is_told_its_rank_and_what_it_waits_for() -> None:
    said = texts(THREE, 0, RUNGS)
    assert said[1] == "offered to epoch 1 (rung 0): a new trial"
    assert said[3] == "reached epoch 1 after 2.0 s: loss=0.5, rank 1 of 1 there"
    assert said[4].startswith("decided: it pauses")
    assert now(THREE, 0, RUNGS) == (
        "it is paused at rung 0 (epoch 1), rank 2 of 3 there; 1 in 3 goes on, so far the best 1: "
        "with this rank it is promoted when 6 trials have reached this rung"
    )


def test_a_promotion_names_the_rank_it_had_then() -> None:
    promoted = ev.LegOffered(NOW, 1, 1, 1, 3, final=False)
    said = texts([*THREE, promoted], 1, RUNGS)
    assert said[-1] == "offered to epoch 3 (rung 1): promoted, as rank 1 of 3 at rung 0 (epoch 1)"


def test_what_is_not_finite_is_never_promoted() -> None:
    events = [drawn(0), *reached(0, None)]
    assert "loss was not finite, which counts as the worst" in texts(events, 0, RUNGS)[3]
    assert now(events, 0, RUNGS).endswith("a value that is not finite is never promoted")
    done = [*running(0), finished(0, None, job_id="0"), ev.TrialCompleted(NOW, 0)]
    assert now(done) == "it is complete: loss was not finite, which counts as the worst"


def test_other_brackets_and_legs_without_a_target_are_told_too() -> None:
    events: list[ev.Event] = [
        ev.TrialDrawn(NOW, 0, {}, bracket=1),
        ev.LegOffered(NOW, 0, 1, 0),
        ev.LegClaimed(NOW, 0, 1, 0, "7"),
    ]
    assert texts(events)[:2] == ["drawn, for bracket 1", "offered: a new trial"]
    assert now(events) == "it runs in job 7"


def test_the_best_of_a_search_for_a_maximum_is_the_greatest() -> None:
    rules = Rules(Goal("loss", "max"))
    events = [
        *running(0, 1),
        finished(0, 0.5, job_id="0"),
        finished(1, 0.75, job_id="1"),
        ev.TrialCompleted(NOW, 0),
        ev.TrialCompleted(NOW, 1),
    ]
    _, state = tell(events, 0, rules)
    assert "rank 2 of 2" in standing(state, 0, rules)


@pytest.mark.parametrize("asha", [None, Asha(max_t=9), Asha(max_t=9, stopping=True, brackets=2)])
def test_every_trial_of_a_rough_campaign_can_be_told(
    tmp_path: Path, asha: Asha | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    model = ClusterModel(seats=4, preemption_rate=0.2, failure_rate=0.1, seed=1)
    campaign = Campaign(tmp_path / "c", model=model, n_trials=18, asha=asha)
    campaign.space["max_epochs"] = 9
    campaign.run()
    events = read_events(campaign.layout.journal)
    rules = RULES if asha is None else replace(RUNGS, levels=asha.levels)
    for count in range(0, len(events), 7):
        for trial_id in tell(events[:count], 0, rules)[1].trials:
            steps, state = tell(events[:count], trial_id, rules)
            assert steps[0].text.startswith("drawn")
            assert standing(state, trial_id, rules)


def test_a_trial_that_hung_is_told_where_it_goes_next() -> None:
    hung = failed(0, "hung", job_id="0", node="gpu3", message="no report for 10 min")
    again = replace(offered(0, 1), off="gpu3")
    assert texts([*running(0), hung, again])[-2:] == [
        "failed after 12.5 s: hung: no report for 10 min",
        "offered to epoch 9: again, because it had failed (hung), and on another node than gpu3 "
        "if there is one",
    ]
    out = failed(0, "out_of_memory", job_id="0")
    assert texts([*running(0), out, offered(0, 1)])[-1].endswith("had failed (out_of_memory)")


def test_a_trial_that_saved_when_its_job_was_cancelled_is_stopped_for_good() -> None:
    told = failed(0, "cancelled", job_id="0", outcome="interrupted")
    events = [*running(0), told, ev.TrialStopped(NOW, 0, "its job was cancelled")]
    assert now(events) == "it is stopped for good, because its job was cancelled by the user"


def test_what_somebody_asked_of_a_trial_is_part_of_its_story() -> None:
    events: list[ev.Event] = [*running(0, 1), ev.StopAsked(NOW, "a", "hal", 0)]
    events += [finished(0, job_id="0", outcome="interrupted", resource=3)]
    events += [ev.TrialStopped(NOW, 0, "stopped by the user")]
    assert now(events) == "it is stopped, as hal asked; `hpo retry DIR 0` takes it up again"
    events += [ev.RetryAsked(NOW, "b", "eve", [0]), offered(0, 1)]
    told = texts(events)
    assert told[3].startswith("hal asks that trial 0 stops")
    assert told[-2:] == ["eve asks for trial 0 again", "offered to epoch 9: again, as eve asked"]
    assert not any("asks" in text for text in texts(events, 1))


def test_a_point_that_was_enqueued_and_rungs_that_were_added_are_told() -> None:
    events: list[ev.Event] = [ev.PointsEnqueued(NOW, "a", "hal", [drawn(0).config])]
    events += [replace(drawn(0), enqueued=True), *reached(0, 0.5)]
    events += [ev.CampaignExtended(NOW, "b", "hal", None, None, (1, 3, 9, 27), 2)]
    told = texts(events, rules=RUNGS)
    assert told[0] == "taken from the points that were enqueued"
    assert told[-1] == "hal asks for more: rungs up to 27"
    events += [ev.LegOffered(NOW, 0, 1, 1, 3, final=False)]
    assert "at rung 0 (epoch 1)" in texts(events, rules=replace(RUNGS, levels=()))[-1]
