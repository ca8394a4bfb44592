"""What a person reads in the log."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from histories import NOW, claimed, drawn, failed, finished, lost, offered, running, state_after

from hpo.record import events as ev
from hpo.report.narration import describe, narrate


def lines(events: list[ev.Event]) -> list[tuple[int, str]]:
    """What the last event says after all of them."""
    told = narrate(events[-1], state_after(events))
    return [] if told is None else [told]


def line(events: list[ev.Event], level: int = logging.INFO) -> str:
    ((found, text),) = lines(events)
    assert found == level
    return text


def test_a_campaign_tells_its_beginning_and_its_end() -> None:
    start = ev.CampaignStarted(NOW)
    assert line([start]) == "campaign started"
    assert line([start, ev.CampaignEnded(NOW, "all done")]) == "campaign ended: all done"
    assert line([start, ev.CampaignReopened(NOW, "more")]) == "campaign goes on: more"
    assert "only 12 different" in line([start, ev.SearchExhausted(NOW, 12)])


def test_an_ending_says_how_many_trials_may_finish() -> None:
    ending = ev.CampaignEnding(NOW, "time is up")
    assert line([*running(0, 1), ending]) == "ending (time is up): 2 running trials may finish"


def test_a_job_that_takes_one_leg_after_the_other_is_said_to_go_on() -> None:
    events = running(0)
    state = state_after(events)
    first, later = ((narrate(events[-1], state, again=a) or (0, ""))[1] for a in (False, True))
    assert first.startswith("trial 0 started, job ")
    assert later.startswith("job ")
    assert "goes on with trial 0: " in later


def test_drawing_and_offering_thousands_of_trials_says_nothing() -> None:
    assert lines([ev.CampaignStarted(NOW), drawn(0)]) == []
    assert lines([ev.CampaignStarted(NOW), drawn(0), offered(0)]) == []
    assert lines([*running(0), finished(0, job_id="0"), ev.TrialCompleted(NOW, 0)]) == []


def test_a_start_names_trial_job_and_configuration() -> None:
    text = line([ev.CampaignStarted(NOW), drawn(0), offered(0), claimed(0, "81_2")])
    assert text == "trial 0 started, job 81_2: lr=1 max_epochs=9"


def test_constants_are_not_repeated_nor_is_the_configuration_of_one_that_goes_on() -> None:
    events: list[ev.Event] = [ev.CampaignStarted(NOW), drawn(0), offered(0), claimed(0, "81_2")]
    state = state_after(events)
    told = narrate(events[-1], state, constants={"max_epochs": 9})
    assert told == (logging.INFO, "trial 0 started, job 81_2: lr=1")
    told = narrate(events[-1], state, constants={"max_epochs": 9, "lr": 1.0})
    assert told == (logging.INFO, "trial 0 started, job 81_2")
    again = [*running(0), lost(0, job_id="0"), offered(0, 1), claimed(0, "8", 1)]
    assert line(again) == "trial 0 started, job 8: attempt 2"
    promoted: list[ev.Event] = [*running(0), finished(0, job_id="0"), ev.TrialPaused(NOW, 0)]
    promoted += [ev.LegOffered(NOW, 0, 1, 1, 27), ev.LegClaimed(NOW, 0, 1, 1, "9")]
    assert line(promoted) == "trial 0 started, job 9: on to 27"


def test_a_second_offer_counts_attempts_from_one() -> None:
    events = [*running(0), lost(0, job_id="0"), offered(0, 1)]
    assert line(events) == "trial 0 is offered again (attempt 2)"
    larger = replace(offered(0, 1), mem_mb=6144)
    assert line([*events[:-1], larger]) == "trial 0 is offered again (attempt 2, with 6144 MB)"
    assert line([*running(0), ev.LegReturned(NOW, 0, 0, 1)]).startswith("trial 0: its requeued")


def test_a_lost_leg_is_a_warning_with_job_and_cause() -> None:
    text = line([*running(0), lost(0, job_id="0")], logging.WARNING)
    assert text == "trial 0 lost its job 0 (preempted): its job was preempted"


def test_one_that_returned_early_says_where() -> None:
    early = finished(0, 0.25, job_id="0", resource=4, early=True)
    assert line([*running(0), early]) == (
        "trial 0 ended early at 4 in 12.5 s: loss=0.25  <- the best now"
    )


def test_the_best_now_says_why_it_is_worse_than_one_before() -> None:
    first = [*running(0, 1), finished(0, 0.1, job_id="0"), offered(0, 1), claimed(0, "8", 1)]
    worse = finished(0, 0.4, job_id="8", attempt=1)
    assert line([*first, worse]).endswith(
        "loss=0.4  <- the best now; not 0.1 of trial 0, which came to 0.4 since: its last report"
        " counts (trial_value)"
    )
    broken = [*first, failed(0, job_id="8", attempt=1), ev.TrialFailed(NOW, 0, "E", "m")]
    assert line([*broken, finished(1, 0.5, job_id="1")]).endswith(
        "loss=0.5  <- the best now; not 0.1 of trial 0, which failed or diverged since"
    )


def test_where_the_best_report_counts_that_is_said() -> None:
    done = finished(0, 0.4, job_id="0")
    state = state_after([*running(0), done])
    state.goal = state.goal._replace(trial_value="best")
    (_, text) = narrate(done, state) or (0, "")
    assert text.endswith("loss=0.4 at its best  <- the best now")
    state.best_told = (0.1, 0)
    (_, text) = narrate(done, state) or (0, "")
    assert text.endswith("not 0.1 of trial 0, which came to 0.4 since")


def test_a_completed_trial_is_compared_with_the_best() -> None:
    first = [*running(0, 1), finished(0, 0.25, job_id="0")]
    assert line(first) == "trial 0 completed in 12.5 s: loss=0.25  <- the best now"
    second = line([*first, finished(1, 0.5, job_id="1")])
    assert second == "trial 1 completed in 12.5 s: loss=0.5  (best 0.25, trial 0)"


def test_a_metric_that_was_not_finite_is_a_warning() -> None:
    text = line([*running(0), finished(0, None, job_id="0")], logging.WARNING)
    assert text == "trial 0 completed in 12.5 s, loss was not finite: worst"


def test_an_interrupted_trial_tells_how_far_it_came() -> None:
    ended = finished(0, job_id="0", outcome="interrupted", resource=4)
    assert line([*running(0), ended]) == "trial 0 was interrupted at 4 after 12.5 s"


def test_a_failure_shows_the_first_line_of_its_message() -> None:
    ended = finished(0, None, job_id="0", outcome="failed", cause="KeyError", message="'lr'\nat x")
    assert line([*running(0), ended], logging.WARNING) == (
        "trial 0 failed after 12.5 s: KeyError: 'lr'"
    )
    silent = finished(0, None, job_id="0", outcome="failed", cause="SystemExit")
    assert line([*running(0), silent], logging.WARNING).endswith("SystemExit: ")


def test_a_failed_script_shows_how_it_ended_and_the_last_line_that_it_printed() -> None:
    message = (
        "trial 0: the script train.py ended with exit code 1; it printed last:\n"
        "epoch 3\nTraceback (most recent call last):\nRuntimeError: no such data"
    )
    ended = finished(0, None, job_id="0", outcome="failed", cause="ScriptError", message=message)
    text = line([*running(0), ended], logging.WARNING)
    assert text.endswith("train.py ended with exit code 1: RuntimeError: no such data")


def test_a_trial_that_hung_is_told_with_its_node_and_where_it_is_offered_again() -> None:
    words = {"message": "no report for 10 min", "node": "gpu3", "job_id": "0"}
    events = [*running(0), failed(0, "hung", **words)]
    assert line(events, logging.WARNING) == (
        "trial 0 was ended on gpu3 after 12.5 s: no report for 10 min"
    )
    again = line([*events, replace(offered(0, 1), off="gpu3")])
    assert "(attempt 2, not on gpu3 if there is another node)" in again
    given_up = ev.TrialFailed(NOW, 0, "hung", "it hung 2 times")
    assert line([*events, given_up], logging.WARNING) == "trial 0 failed: it hung 2 times"


def test_a_cancelled_trial_that_saved_says_so() -> None:
    words = {"outcome": "interrupted", "message": "SLURM says CANCELLED"}
    told = failed(0, "cancelled", job_id="0", **words)
    assert line([*running(0), told]).endswith("after 12.5 s: SLURM says CANCELLED")


def test_the_first_failure_says_where_its_traceback_is_and_later_ones_do_not() -> None:
    events = [*running(0, 1), failed(0, job_id="0"), ev.TrialFailed(NOW, 0, "ValueError", "m")]
    assert "results/trial_0.json" in line(events, logging.WARNING)
    again = [*events, failed(1, job_id="1"), ev.TrialFailed(NOW, 1, "ValueError", "m")]
    assert lines(again) == []


def test_a_trial_given_up_after_a_loss_says_why() -> None:
    events = [*running(0), lost(0, job_id="0"), ev.TrialFailed(NOW, 0, "lost_too_often", "why")]
    assert lines(events)[0] == (logging.WARNING, "trial 0 failed: why")


def test_a_node_that_is_left_alone_is_a_warning_with_its_reason() -> None:
    verdict = ev.NodeQuarantined(NOW, "gpu2", NOW + 7200.0, "3 bad ends in a row")
    text = line([ev.CampaignStarted(NOW), verdict], logging.WARNING)
    assert text == "node gpu2 is not used for 2 h: 3 bad ends in a row"


def test_only_trials_that_ran_are_told_to_have_stopped() -> None:
    stop = ev.TrialStopped(NOW, 0, "time is up")
    assert lines([ev.CampaignStarted(NOW), drawn(0), stop]) == []
    text = line([*running(0), lost(0, job_id="0"), stop])
    assert text == "trial 0 stopped: time is up"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.123456, "0.1235"),
        (1e-7, "1e-07"),
        (3, "3"),
        ("adam", "adam"),
        ("x" * 50, "x" * 37 + "..."),
        ("a\nb \x1b[2J", r"'a\nb \x1b[2J'"),
    ],
)
def test_values_are_described_shortly(value: object, text: str) -> None:
    assert describe({"a": value, "b": 1}) == f"a={text} b=1"


def test_values_below_a_mapping_have_names_with_dots() -> None:
    config = {"optimizer": {"lr": 0.00012345678, "name": "sgd", "deep": {"k": 1}}, "x": {}}
    assert describe(config) == "optimizer.lr=0.0001235 optimizer.name=sgd optimizer.deep.k=1 x={}"


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            ev.StopAsked(NOW, "t", "hal", 0),
            "hal asks that trial 0 stops: what runs of it saves and leaves at its next report",
        ),
        (ev.PointsEnqueued(NOW, "t", "hal", [{"lr": 7.0}]), "hal enqueued 1 point"),
        (ev.PointsEnqueued(NOW, "t", "hal", [{"lr": 7.0}] * 2), "hal enqueued 2 points"),
        (ev.CampaignExtended(NOW, "t", "hal", 9, 2), "hal asks for more: 9 trials in all"),
        (
            ev.CampaignExtended(NOW, "t", "hal", None, None, (1, 3, 9), 1),
            "hal asks for more: rungs up to 9",
        ),
    ],
)
def test_what_somebody_asks_for_is_told(event: ev.Event, text: str) -> None:
    assert line([*running(0), event]) == text


def test_of_many_trials_that_are_asked_for_again_some_are_named() -> None:
    events: list[ev.Event] = [*running(*range(12))]
    for trial_id in range(12):
        events += [failed(trial_id, job_id=str(trial_id))]
        events += [ev.TrialFailed(NOW, trial_id, "E", "m")]
    one = ev.RetryAsked(NOW, "t", "hal", [3])
    assert line([*events, one]) == "hal asks for trial 3 again"
    some = ev.RetryAsked(NOW, "t", "hal", range(12), from_start=True)
    assert line([*events, some]) == (
        "hal asks for trials 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more again, from the start"
    )
