"""One plain line per event, for the log that a person follows with `tail -f`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from hpo.errors import PRINTED_LAST
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.result import Outcome, Result
from hpo.record.state import CampaignState, TrialState, TrialStatus
from hpo.shown import one_line
from hpo.units.duration import in_words
from hpo.values import flat

NOTHING: Mapping[str, Any] = {}
TRIALS_SHOWN = 10  # of those that somebody asks for


def narrate(
    event: ev.Event,
    state: CampaignState,
    *,
    again: bool = False,
    constants: Mapping[str, Any] = NOTHING,
) -> tuple[int, str] | None:
    """The line to log, with its level; None of an event that says nothing new to a person.

    `again`: the job of a claim has had other legs before; `constants` are the same in all trials,
    and not said again.
    """
    match event:
        case ev.LegFinished():
            return _finished(event, state)
        case ev.LegLost():
            lost = f"trial {event.trial_id} lost its job {event.job_id} ({event.cause})"
            return logging.WARNING, f"{lost}: {event.message}"
        case ev.TrialFailed():
            return _failed(event, state)
        case ev.NodeQuarantined():
            length = in_words(event.until - event.time)
            return logging.WARNING, f"node {event.node} is not used for {length}: {event.reason}"
    line = _news(event, state, again=again, constants=constants)
    return None if line is None else (logging.INFO, line)


def _news(
    event: ev.Event, state: CampaignState, *, again: bool, constants: Mapping[str, Any]
) -> str | None:
    match event:
        case ev.CampaignStarted():
            return "campaign started"
        case ev.SearchExhausted():
            return (
                f"the space holds only {event.drawn} different configurations: "
                "the campaign ends when they have run"
            )
        case ev.LegOffered(attempt=attempt) if attempt > 0:
            trial = state.trials[event.trial_id]
            if trial.job_id is None:
                return None  # no job had taken it: to a person it is the same offer
            if trial.offers_of_rung == 1:
                return f"trial {event.trial_id} is promoted, to {event.target}"
            memory = f", with {event.mem_mb} MB" if event.mem_mb else ""
            off = f", not on {event.off} if there is another node" if event.off else ""
            return f"trial {event.trial_id} is offered again (attempt {attempt + 1}{memory}{off})"
        case ev.LegClaimed():
            line = f"trial {event.trial_id} started, job {event.job_id}"
            if again:
                line = f"job {event.job_id} goes on with trial {event.trial_id}"
            what = _what_starts(event, state.trials[event.trial_id], constants)
            return f"{line}: {what}" if what else line
        case ev.LegReturned():
            return f"trial {event.trial_id}: its requeued job gave it back"
        case ev.TrialStopped() if state.trials[event.trial_id].job_id is not None:
            return f"trial {event.trial_id} stopped: {event.reason}"
        case ev.CampaignEnding():
            running = len(state.of(TrialStatus.CLAIMED))
            return f"ending ({event.reason}): {running} running trials may finish"
        case ev.CampaignEnded():
            return f"campaign ended: {event.reason}"
        case ev.CampaignReopened():
            return f"campaign goes on: {event.reason}"
        case ev.StopAsked() | ev.RetryAsked() | ev.PointsEnqueued() | ev.CampaignExtended():
            return what_is_asked(event)
        case _:
            return None


def what_is_asked(event: ev.Asked) -> str:
    """What somebody asked for, in one sentence."""
    match event:
        case ev.StopAsked():
            return (
                f"{event.by} asks that trial {event.trial_id} stops: what runs of it saves and "
                "leaves at its next report"
            )
        case ev.RetryAsked():
            start = ", from the start" if event.from_start else ""
            return f"{event.by} asks for {_trials(event.trial_ids)} again{start}"
        case ev.PointsEnqueued(points=points):
            return f"{event.by} enqueued {len(points)} point{'' if len(points) == 1 else 's'}"
        case _:
            trials = [] if event.n_trials is None else [f"{event.n_trials} trials in all"]
            rungs = [f"rungs up to {event.levels[-1]}"] if event.levels else []
            return f"{event.by} asks for more: {', '.join(trials + rungs)}"


def _trials(trial_ids: Sequence[int]) -> str:
    shown = ", ".join(map(str, trial_ids[:TRIALS_SHOWN]))
    more = len(trial_ids) - TRIALS_SHOWN
    return f"trial{'' if len(trial_ids) == 1 else 's'} {shown}" + (
        f" and {more} more" if more > 0 else ""
    )


def _what_starts(event: ev.LegClaimed, trial: TrialState, constants: Mapping[str, Any]) -> str:
    """Of a new trial its configuration, which later starts need not repeat."""
    if event.rung > trial.bracket:
        return f"on to {trial.target}"
    if event.attempt != trial.first_attempt:
        return f"attempt {event.attempt + 1}"
    return describe(trial.config, constants)


def _failed(event: ev.TrialFailed, state: CampaignState) -> tuple[int, str] | None:
    by_itself = isinstance(state.trials[event.trial_id].ended_leg, ev.LegFinished)
    if not by_itself or event.cause == Cause.HUNG:
        return logging.WARNING, f"trial {event.trial_id} failed: {event.message}"
    if len(state.of(TrialStatus.FAILED)) == 1:
        file = f"results/trial_{event.trial_id}.json"
        return logging.WARNING, f"the first failure; traceback in {file}"
    return None


def describe(config: Mapping[str, Any], constants: Mapping[str, Any] = NOTHING) -> str:
    """A configuration on one line, numbers at four digits; without the constants."""
    varied = {name: value for name, value in config.items() if not _is(constants, name, value)}
    return one_line(" ".join(f"{name}={_short(value)}" for name, value in flat(varied).items()))


def _is(constants: Mapping[str, Any], name: str, value: object) -> bool:
    return name in constants and bool(constants[name] == value)


def _short(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    text = text if text.isprintable() else repr(text)  # one line, and nothing a terminal obeys
    return text if len(text) <= 40 else text[:37] + "..."


def _in_one_line(failed: Result) -> str:
    """Cause and message; of a script how it ended, and the last line that it printed."""
    first, *rest = (failed.message or "").strip().splitlines() or [""]
    how = first.partition(PRINTED_LAST)[0]
    if how != first and rest:
        return f"{failed.cause}: {how[:200]}: {rest[-1].strip()[:200]}"
    return f"{failed.cause}: {first[:200]}"


def _finished(event: ev.LegFinished, state: CampaignState) -> tuple[int, str]:
    metric = state.goal.metric
    told, who = event.result, f"trial {event.trial_id}"
    took = f"{told.elapsed:.1f} s"
    if told.cause == Cause.HUNG:
        return logging.WARNING, f"{who} was ended on {told.node} after {took}: {told.message}"
    if told.outcome is Outcome.FAILED:
        return logging.WARNING, f"{who} failed after {took}: {_in_one_line(told)}"
    if told.outcome is Outcome.INTERRUPTED:
        why = f": {told.message}" if told.cause else ""
        return logging.INFO, f"{who} was interrupted at {told.resource} after {took}{why}"
    if told.metric is None:
        return logging.WARNING, f"{who} completed in {took}, {metric} was not finite: worst"
    how = "completed" if state.trials[event.trial_id].final else f"reached {told.resource}"
    how = f"ended early at {told.resource}" if told.early else how
    at = " at its best" if state.goal.trial_value == "best" else ""
    line = f"{who} {how} in {took}: {metric}={told.metric:.6g}{at}"
    if state.best_trial == event.trial_id:
        # Not "so far": on its way to a higher rung the best trial may have become worse.
        return logging.INFO, f"{line}  <- the best now{_why_worse(state)}"
    return logging.INFO, line + f"  (best {state.best_metric:.6g}, trial {state.best_trial})"


def _why_worse(state: CampaignState) -> str:
    """Why a better value that was told before is not the best any more; empty where none was."""
    goal, now = state.goal, state.best_metric
    if state.best_told is None or now is None or state.best_told[0] >= goal.key(now):
        return ""
    key, trial_id = state.best_told
    worth = state.trials[trial_id].metric
    why = "which failed or diverged since" if worth is None else f"which came to {worth:.6g} since"
    if worth is not None and goal.trial_value == "last":
        why += ": its last report counts (trial_value)"
    return f"; not {goal.sign * key:.6g} of trial {trial_id}, {why}"
