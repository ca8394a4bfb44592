"""One plain line per event, for the log that a person follows with `tail -f`.

Pure: from an event and the state after it to text. Decides nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from hpo.errors import PRINTED_LAST
from hpo.record import events as ev
from hpo.record.state import CampaignState, TrialStatus


def narrate(
    event: ev.Event, state: CampaignState, *, again: bool = False
) -> Iterator[tuple[int, str]]:
    """Lines to log, each with its level; an event that says nothing new to a person has none.

    `again`: the job of a claim has had other legs before.
    """
    match event:
        case ev.CampaignStarted():
            yield logging.INFO, "campaign started"
        case ev.SearchExhausted():
            yield (
                logging.INFO,
                (
                    f"the space holds only {event.drawn} different configurations: "
                    "the campaign ends when they have run"
                ),
            )
        case ev.LegOffered(attempt=attempt) if attempt > 0:
            trial = state.trials[event.trial_id]
            if trial.job_id is None:
                return  # no job had taken it: to a person it is the same offer
            if trial.offers_of_rung == 1:
                yield logging.INFO, f"trial {event.trial_id} is promoted, to {event.target}"
            else:
                memory = f", with {event.mem_mb} MB" if event.mem_mb else ""
                yield (
                    logging.INFO,
                    f"trial {event.trial_id} is offered again (attempt {attempt + 1}{memory})",
                )
        case ev.LegClaimed():
            config = describe(state.trials[event.trial_id].config)
            line = f"trial {event.trial_id} started, job {event.job_id}"
            if again:
                line = f"job {event.job_id} goes on with trial {event.trial_id}"
            yield logging.INFO, f"{line}: {config}"
        case ev.LegReturned():
            yield logging.INFO, f"trial {event.trial_id}: its requeued job gave it back"
        case ev.LegFinished():
            yield _finished(event, state)
        case ev.LegLost():
            yield (
                logging.WARNING,
                (
                    f"trial {event.trial_id} lost its job {event.job_id} ({event.cause}): "
                    f"{event.message}"
                ),
            )
        case ev.TrialFailed():
            if not isinstance(state.trials[event.trial_id].ended_leg, ev.LegFinished):
                yield logging.WARNING, f"trial {event.trial_id} failed: {event.message}"
            elif len(state.of(TrialStatus.FAILED)) == 1:
                yield logging.WARNING, f"the first failure; traceback in {_result(event.trial_id)}"
        case ev.TrialStopped():
            if state.trials[event.trial_id].job_id is not None:
                yield logging.INFO, f"trial {event.trial_id} stopped: {event.reason}"
        case ev.NodeQuarantined():
            hours = (event.until - event.time) / 3600.0
            yield (
                logging.WARNING,
                f"node {event.node} is not used for {hours:.0f} h: {event.reason}",
            )
        case ev.CampaignEnding():
            running = len(state.of(TrialStatus.CLAIMED))
            yield logging.INFO, f"ending ({event.reason}): {running} running trials may finish"
        case ev.CampaignEnded():
            yield logging.INFO, f"campaign ended: {event.reason}"
        case ev.CampaignReopened():
            yield logging.INFO, f"campaign goes on: {event.reason}"
        case _:
            return


def _result(trial_id: int) -> str:
    return f"results/trial_{trial_id}.json"


def describe(config: Mapping[str, Any]) -> str:
    """A configuration on one line, numbers at four digits."""
    return " ".join(f"{name}={_short(value)}" for name, value in config.items())


def _short(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    text = text if text.isprintable() else repr(text)  # one line, and nothing a terminal obeys
    return text if len(text) <= 40 else text[:37] + "..."


def _in_one_line(event: ev.LegFinished) -> str:
    """Cause and message; of a script how it ended, and the last line that it printed."""
    first, *rest = (event.message or "").strip().splitlines() or [""]
    how = first.partition(PRINTED_LAST)[0]
    if how != first and rest:
        return f"{event.cause}: {how[:200]}: {rest[-1].strip()[:200]}"
    return f"{event.cause}: {first[:200]}"


def _finished(event: ev.LegFinished, state: CampaignState) -> tuple[int, str]:
    metric = state.goal.metric
    who, took = f"trial {event.trial_id}", f"{event.elapsed:.1f} s"
    if event.outcome == "failed":
        return logging.WARNING, f"{who} failed after {took}: {_in_one_line(event)}"
    if event.outcome == "interrupted":
        return logging.INFO, f"{who} was interrupted at {event.resource} after {took}"
    if event.metric is None:
        return logging.WARNING, f"{who} completed in {took}, {metric} was not finite: worst"
    how = "completed" if state.trials[event.trial_id].final else f"reached {event.resource}"
    line = f"{who} {how} in {took}: {metric}={event.metric:.6g}"
    if state.best_trial == event.trial_id:
        # Not "so far": on its way to a higher rung the best trial may have become worse.
        return logging.INFO, line + "  <- the best now"
    return logging.INFO, line + f"  (best {state.best_metric:.6g}, trial {state.best_trial})"
