"""How a campaign stands, in one line of its log, for who looks at it at two in the morning."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hpo.decisions.limits import all_trials
from hpo.decisions.needs import ComingLeg
from hpo.record.state import CampaignState, TrialStatus
from hpo.report.forecast import forecast
from hpo.seats.book import SeatBook
from hpo.units.duration import in_words

TOLD_REASONS = 3  # why jobs wait; the rest is counted


@dataclass(frozen=True, slots=True)
class Told:
    """What was told at the start, and is not repeated in each line.

    Attributes:
        n_trials: that the campaign is to have; None: nobody says.
        levels: of the rungs, lowest first; empty without rungs.
        gpus: of each job.
        constants: hyperparameters that are the same in all trials, with their values.
        expected: results of each rung at the end, if each promotes its share; empty: nobody knows.
    """

    n_trials: int | None = None
    levels: Sequence[int] = ()
    gpus: int = 0
    constants: Mapping[str, Any] = field(default_factory=dict)
    expected: Sequence[int] = ()

    def at(self, state: CampaignState) -> Told:
        """The same of a campaign that was extended since, or got points."""
        extended = state.n_trials is not None or bool(state.levels)
        if not extended and not state.points:
            return self
        return replace(
            self,
            n_trials=None if self.n_trials is None else all_trials(state, self.n_trials),
            levels=state.levels or self.levels,
            constants={**self.constants, **state.constants},
            expected=() if extended else self.expected,
        )


NOTHING_TOLD = Told()


def standing_line(
    state: CampaignState, book: SeatBook, to_come: Mapping[ComingLeg, int], now: float, told: Told
) -> str:
    """The trials, the best of them, the jobs, what was used, and when it may end.

    Args:
        state: the campaign.
        book: its seats.
        to_come: legs that are expected beyond those that are offered.
        now: the time (s, Unix).
        told: what the line need not say.
    """
    told = told.at(state)
    parts = [
        _trials(state, told.n_trials),
        _rungs(state, told.levels),
        _best(state),
        _jobs(book, now),
        _used(state, now, told.gpus),
        _end(state, to_come, now),
    ]
    return "standing: " + "; ".join(part for part in parts if part)


def _trials(state: CampaignState, n_trials: int | None) -> str:
    started = state.started
    total = len(state.trials) if state.exhausted or n_trials is None else n_trials
    stopped = sum(state.trials[i].job_id is not None for i in state.of(TrialStatus.STOPPED))
    again = sum(state.trials[i].job_id is not None for i in state.of(TrialStatus.OFFERED))
    counts = {
        "completed": len(state.of(TrialStatus.COMPLETED)),
        "paused": len(state.of(TrialStatus.PAUSED)),
        "failed": len(state.of(TrialStatus.FAILED)),
        "stopped": stopped,
        "running": len(state.of(TrialStatus.CLAIMED)),
        "waiting to go on": again,
        "to come": max(0, total - started),
    }
    told = ", ".join(f"{n} {what}" for what, n in counts.items() if n)
    return f"{total} trials: {told}" if told else "no trial yet"


def _rungs(state: CampaignState, levels: Sequence[int]) -> str:
    results = [0] * len(levels)
    for (_, number), rung in state.rungs.items():
        if number < len(levels):
            results[number] += len(rung.ranked)
    if not any(results):
        return ""
    counts = ", ".join(f"{n} at {at}" for at, n in zip(levels, results, strict=True) if n)
    return f"rungs: {counts}"


def _best(state: CampaignState) -> str:
    if state.best_metric is None:
        return "no result yet"
    return f"best {state.goal.metric}={state.best_metric:.6g} (trial {state.best_trial})"


def _jobs(book: SeatBook, now: float) -> str:
    waits = book.waits_in_words()
    running, waiting = len(book.running()), sum(waits.values())
    if not waiting:
        return f"{running} jobs run, none waits"
    known = [(why, count) for why, count in waits.items() if why][:TOLD_REASONS]
    if not known:
        why = ""
    elif len(known) == 1 and known[0][1] == waiting:
        why = f", as {known[0][0]}"
    else:
        why = " (" + "; ".join(f"{count} as {reason}" for reason, count in known) + ")"
    start = book.next_start(now)
    planned = "" if start is None else f", the next is planned for {_clock(start, now)}"
    return f"{running} jobs run, {waiting} wait{why}{planned}"


def _used(state: CampaignState, now: float, gpus: int) -> str:
    held = (state.trials[trial_id] for trial_id in state.of(TrialStatus.CLAIMED))
    seconds = state.seat_seconds + sum(max(0.0, now - trial.claimed_at) for trial in held)
    return f"{seconds * max(1, gpus) / 3600.0:.1f} {'GPU' if gpus else 'job'}-hours"


def _end(state: CampaignState, to_come: Mapping[ComingLeg, int], now: float) -> str:
    found = forecast(state, to_come, now)
    return "" if found is None else f"about {in_words(found.end_s.usual)} to go at this pace"


def _clock(at: float, now: float) -> str:
    form = "%H:%M" if at < now + 12 * 3600 else "%Y-%m-%d %H:%M"
    return time.strftime(form, time.localtime(at))
