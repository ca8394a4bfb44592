"""What is known of a campaign: the fold of its journal.

Live running and replay both call `apply`. Sets of open trials are kept beside the trials, so that a
decision costs nothing for trials that have ended.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hpo.errors import TransitionError
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.goal import Goal
from hpo.record.pace import LegTime, Pace
from hpo.record.result import Outcome, Result
from hpo.record.rung import Rung
from hpo.record.trial import (
    LIFE_CYCLE,
    OPEN,
    RESTARTABLE,
    RETRIABLE,
    STOPPABLE,
    TrialState,
    TrialStatus,
)
from hpo.record.usage import LostWork, Usage
from hpo.units.sizes import usable_s
from hpo.values import canonical

__all__ = ["OPEN", "CampaignState", "Rung", "TrialState", "TrialStatus", "apply"]


@dataclass(slots=True)
class CampaignState:
    """The whole campaign; changed by `apply` alone."""

    goal: Goal = field(default_factory=Goal)
    started_at: float | None = None
    trials: dict[int, TrialState] = field(default_factory=dict)
    by_status: dict[TrialStatus, set[int]] = field(
        default_factory=lambda: {status: set() for status in TrialStatus}
    )
    taken: set[str] = field(default_factory=set)  # canonical configurations drawn
    started: int = 0  # trials that a job took at least once
    exhausted: bool = False
    ending: str | None = None
    ended: str | None = None
    rungs: dict[tuple[int, int], Rung] = field(default_factory=dict)  # by (bracket, rung)
    quarantines: dict[str, ev.NodeQuarantined] = field(default_factory=dict)  # by node, the last
    seat_seconds: float = 0.0  # spent on legs, finished or lost
    lost: LostWork = field(default_factory=LostWork)
    pace: Pace = field(default_factory=Pace)
    usage: Usage = field(default_factory=Usage)
    best_trial: int | None = None
    # (key, trial) of each value ever reached, a heap: also of trials that have another one by now.
    values: list[tuple[float, int]] = field(default_factory=list)
    # (key, trial) of the best value that was ever told, also where it does not count any more.
    best_told: tuple[float, int] | None = None
    alike_failures: int = 0  # first trials since the (re)start that failed with one cause
    alike_cause: str | None = None
    n_results: int = 0  # legs that were completed or failed
    any_result: bool = False  # since the (re)start
    tokens: set[str] = field(default_factory=set)  # of the requests that were taken up
    stopping: set[int] = field(default_factory=set)  # trials that are asked to stop, and have not
    enqueued: list[Mapping[str, Any]] = field(default_factory=list)  # points not drawn yet
    points: int = 0  # that were ever enqueued
    n_trials: int | None = None  # that were asked for, where the configuration says `configured`
    configured: int | None = None
    levels: tuple[int, ...] = ()  # of the rungs, since they were extended
    constants: dict[str, Any] = field(default_factory=dict)  # that all trials have since then

    def of(self, status: TrialStatus) -> set[int]:
        """Ids of the trials with that status."""
        return self.by_status[status]

    def is_paused(self, trial_id: int) -> bool:
        """Whether the trial rests at a rung."""
        return trial_id in self.by_status[TrialStatus.PAUSED]

    @property
    def best_metric(self) -> float | None:
        """The incumbent's metric, in the user's own sign."""
        return None if self.best_trial is None else self.trials[self.best_trial].metric

    @property
    def open_trials(self) -> int:
        """Trials that still wait, are offered or run."""
        return sum(len(self.by_status[status]) for status in OPEN)


def apply(state: CampaignState, event: ev.Event) -> None:
    """Change `state` by one event.

    Raises:
        TransitionError: the event cannot follow from this state, which is left unchanged.
    """
    match event:
        case ev.CampaignStarted():
            _require(state.started_at is None, event, "the campaign has started already")
            state.started_at = event.time
        case ev.TrialDrawn():
            _require(event.trial_id == len(state.trials), event, "trials are numbered in order")
            _require(not event.enqueued or bool(state.enqueued), event, "no point is enqueued")
            draw = None if event.enqueued else event.trial_id - state.points
            state.trials[event.trial_id] = TrialState(
                event.trial_id, event.config, event.bracket, draw, rung=event.bracket
            )
            state.by_status[TrialStatus.WAITING].add(event.trial_id)
            state.taken.add(canonical(event.config))
            if event.enqueued:
                del state.enqueued[0]
        case ev.SearchExhausted():
            state.exhausted = True
        case ev.NodeQuarantined():
            state.quarantines[event.node] = event
        case ev.CampaignEnding():
            _require(state.ended is None, event, "the campaign has ended")
            state.ending = event.reason
        case ev.CampaignEnded():
            _require(state.open_trials == 0, event, "trials are still open")
            state.ended = event.reason
        case ev.CampaignReopened():
            state.ending = state.ended = None
            state.exhausted = False
            state.alike_failures, state.alike_cause, state.any_result = 0, None, False
        case ev.StopAsked() | ev.RetryAsked() | ev.PointsEnqueued() | ev.CampaignExtended():
            _require(event.token not in state.tokens, event, "the request was taken up before")
            _apply_asked(state, event)
            state.tokens |= {event.token} - {""}
        case _:
            _apply_to_trial(state, event)


def _apply_asked(state: CampaignState, event: ev.Asked) -> None:
    match event:
        case ev.StopAsked():
            trial = _trial(state, event, event.trial_id)
            _require(trial.status in STOPPABLE, event, f"the trial is {trial.status.value}")
            trial.stop_asked = event.by
            if trial.status is not TrialStatus.STOPPED:
                state.stopping.add(trial.trial_id)
        case ev.RetryAsked():
            trials = [_trial(state, event, trial_id) for trial_id in event.trial_ids]
            may = RESTARTABLE if event.from_start else RETRIABLE
            for trial in trials:
                _require(trial.status in may, event, f"a trial is {trial.status.value}")
            for trial in trials:
                _ask_again(state, trial, event)
        case ev.PointsEnqueued():
            state.enqueued += event.points
            state.points += len(event.points)
        case _:
            _extend(state, event)


def _ask_again(state: CampaignState, trial: TrialState, event: ev.RetryAsked) -> None:
    """A decision is due about the trial: to offer what is left of it, or all of it."""
    trial.retry_asked, trial.stop_asked = event.by, ""
    trial.losses = trial.hangs = 0
    trial.cause = trial.message = None
    state.stopping.discard(trial.trial_id)
    if event.from_start:
        for rung in range(trial.bracket, trial.rung + 1):
            if (trial.bracket, rung) in state.rungs:
                state.rungs[trial.bracket, rung].remove(trial.trial_id)
        trial.rung, trial.resource, trial.reached = trial.bracket, 0, 0
        trial.metric = None
        trial.metrics.clear()
        _compare_with_best(state, trial)
        if trial.job_id is not None:
            trial.fresh_from = trial.attempt + 1
    if event.from_start or not has_completed_leg(trial):
        trial.ended_leg = None
    _move(state, trial, TrialStatus.WAITING)


def _extend(state: CampaignState, event: ev.CampaignExtended) -> None:
    if event.n_trials is not None:
        state.n_trials, state.configured = event.n_trials, event.configured
    if event.levels:
        state.levels = tuple(event.levels)
        for trial_id in sorted(state.of(TrialStatus.COMPLETED)):
            trial = state.trials[trial_id]
            if trial.rung == event.last_rung and trial.resource == trial.target:
                trial.final = False
                _move(state, trial, TrialStatus.WAITING)
    if event.constants:
        state.constants |= event.constants
        for trial in state.trials.values():
            trial.config = {**trial.config, **state.constants}
        state.taken = {canonical(trial.config) for trial in state.trials.values()}


def has_completed_leg(trial: TrialState) -> bool:
    """Whether its last leg got to its end."""
    ended = trial.ended_leg
    return isinstance(ended, ev.LegFinished) and ended.result.outcome is Outcome.COMPLETED


def _trial(state: CampaignState, event: ev.Event, trial_id: int) -> TrialState:
    trial = state.trials.get(trial_id)
    if trial is None:
        raise TransitionError(f"{event}: no such trial")
    return trial


def _apply_to_trial(state: CampaignState, event: ev.TrialEvent) -> None:
    trial = _trial(state, event, event.trial_id)
    before, after = LIFE_CYCLE[type(event)]
    _require(trial.status in before, event, f"the trial is {trial.status.value}")
    match event:
        case ev.TrialRedrawn():
            _require(trial.first_attempt is None, event, "a job had taken it")
            state.taken.discard(canonical(trial.config))
            state.taken.add(canonical(event.config))
            trial.config = event.config
        case ev.LegOffered():
            _require(event.attempt > trial.attempt, event, "attempts only grow")
            reached = event.rung <= trial.rung or _has_reached(state, trial)
            _require(reached, event, "a trial is promoted from the rung it has reached")
            trial.offers_of_rung = 1 if event.rung > trial.rung else trial.offers_of_rung + 1
            if event.rung > trial.rung:
                key = state.goal.key(trial.metric)
                state.rungs[trial.bracket, trial.rung].promote(key, trial.trial_id)
            trial.rung, trial.attempt = event.rung, event.attempt
            trial.target, trial.final = event.target, event.final
            trial.mem_mb, trial.time_s = event.mem_mb, event.time_s
            trial.off, trial.offered_at = event.off, event.time
            trial.results_known = state.n_results
            trial.ended_leg = trial.cause = trial.message = None
            trial.retry_asked = ""
        case ev.LegClaimed():
            _require(_same_leg(trial, event), event, "another leg is offered")
            state.started += trial.job_id is None
            trial.job_id, trial.claimed_at = event.job_id, event.time
            if trial.first_attempt is None:
                trial.first_attempt = event.attempt
        case ev.LegReturned():
            _require(event.attempt > trial.attempt, event, "attempts only grow")
            if trial.first_attempt is None:
                trial.first_attempt = trial.attempt  # whose claim nobody saw
            trial.attempt = event.attempt
            if event.resource <= trial.reached:
                trial.losses += 1
            trial.reached = max(trial.reached, event.resource)
            state.lost.add(event)
        case ev.LegFinished() | ev.LegLost():
            _require(_same_leg(trial, event), event, "another leg is claimed")
            _require(event.job_id == trial.job_id, event, "another job holds the leg")
            _end_leg(state, trial, event)
        case ev.OfferRevoked():
            _require(_same_leg(trial, event), event, "another leg is offered")
        case ev.TrialCompleted():
            state.stopping.discard(trial.trial_id)  # it was faster
        case ev.TrialFailed():
            state.stopping.discard(trial.trial_id)
            trial.cause, trial.message = event.cause, event.message
            _count_alike(state, event.cause)
            trial.metric = None  # a failed trial is worth nothing, and not the incumbent
            _compare_with_best(state, trial)
        case ev.TrialStopped():
            state.stopping.discard(trial.trial_id)
            trial.cause = event.reason
        case _:  # TrialPaused
            pass
    _move(state, trial, after)


def _end_leg(state: CampaignState, trial: TrialState, event: ev.LegFinished | ev.LegLost) -> None:
    told = event if isinstance(event, ev.LegLost) else event.result
    trial.ended_leg = event
    trial.progressed = told.resource > trial.resource
    # Not by what counts as saved: a trial that saves nothing would get further each time.
    trial.gained = told.resource > trial.reached
    trial.hangs = (0 if trial.gained else trial.hangs) + (told.cause == Cause.HUNG)
    trial.reached = max(trial.reached, told.resource)
    state.usage.add(event)
    if isinstance(event, ev.LegLost):
        _learn_from_loss(trial, event)
        _spend(state, trial, max(0.0, event.time - trial.claimed_at))
        # STOPPED: the user took the job, not the cluster.
        if event.cause != Cause.STOPPED and not trial.progressed:
            trial.losses += 1
        state.lost.add(event)
        trial.resource = max(trial.resource, event.resource)
        return
    result = event.result
    state.n_results += result.outcome is not Outcome.INTERRUPTED
    _learn_pace(state, trial, result)
    _spend(state, trial, result.elapsed)
    trial.used_mb = max(trial.used_mb, result.mem_used_mb)
    # One that does not save starts lower again, and has not lost what it once reached.
    interrupted = result.outcome is Outcome.INTERRUPTED
    trial.resource = max(trial.resource, result.resource) if interrupted else result.resource
    if result.outcome is Outcome.COMPLETED:
        state.any_result = True
        finite = result.metric is not None and math.isfinite(result.metric)
        trial.metric = trial.metrics[trial.resource] = result.metric if finite else None
        _enter_rung(state, trial, early=result.early)
        _compare_with_best(state, trial)
    elif interrupted and not trial.progressed:
        trial.losses += 1


def _spend(state: CampaignState, trial: TrialState, seconds: float) -> None:
    state.seat_seconds += seconds
    trial.seconds += seconds


def _learn_from_loss(trial: TrialState, event: ev.LegLost) -> None:
    # Its last hour, say, may be missing from what it saved: no measure for others.
    if event.cause != Cause.TIME_LIMIT:
        return
    # No seat takes an offer for which it has less time than that says.
    had_s = max(trial.time_s, usable_s(event.time_had_s // 60) if event.time_had_s else 0)
    # A job that never said what it had, had no more than it took to be told as lost.
    had_s = had_s or math.ceil(max(0.0, event.time - trial.claimed_at))
    units = event.resource - trial.resource
    if units > 0 and had_s:
        trial.trained, trial.trained_s = units, float(had_s)
    else:
        trial.outlasted_s = max(trial.outlasted_s, had_s)


def _learn_pace(state: CampaignState, trial: TrialState, result: Result) -> None:
    units = result.resource - trial.resource
    if result.outcome is not Outcome.FAILED and units > 0:
        trial.trained, trial.trained_s = units, result.elapsed
        leg = LegTime(trial.trial_id, trial.rung, units, result.elapsed, result.silence_s)
        state.pace.add(leg)
    elif result.outcome is Outcome.INTERRUPTED:
        trial.outlasted_s = max(trial.outlasted_s, math.ceil(result.elapsed))


def _enter_rung(state: CampaignState, trial: TrialState, *, early: bool) -> None:
    """A value counts at its rung's resource, or where its trial wanted no more, or not at all."""
    if trial.target is None or not (early or trial.resource == trial.target):
        return
    rung = state.rungs.setdefault((trial.bracket, trial.rung), Rung())
    rung.enter(state.goal.key(trial.metric), trial.trial_id)


def _has_reached(state: CampaignState, trial: TrialState) -> bool:
    return (trial.bracket, trial.rung) in state.rungs and trial.resource == trial.target


def _compare_with_best(state: CampaignState, trial: TrialState) -> None:
    """The incumbent is the trial whose last value is the best."""
    if trial.metric is not None:
        told = (state.goal.key(trial.metric), trial.trial_id)
        heapq.heappush(state.values, told)
        state.best_told = min(told, state.best_told or told)
    if state.best_trial == trial.trial_id:
        # It may have become worse on its way to a higher rung.
        while state.values and not _stands(state, *state.values[0]):
            heapq.heappop(state.values)
        state.best_trial = state.values[0][1] if state.values else None
    elif trial.metric is not None:
        best = state.best_metric
        if best is None or state.goal.better(trial.metric, best):
            state.best_trial = trial.trial_id


def _stands(state: CampaignState, key: float, trial_id: int) -> bool:
    """Whether the value is the trial's last one."""
    metric = state.trials[trial_id].metric
    return metric is not None and state.goal.key(metric) == key


def _count_alike(state: CampaignState, cause: str) -> None:
    alike = state.alike_cause in (None, cause) and not state.any_result
    state.alike_cause = cause
    state.alike_failures = state.alike_failures + 1 if alike else 1


def _same_leg(
    trial: TrialState, event: ev.LegClaimed | ev.LegFinished | ev.LegLost | ev.OfferRevoked
) -> bool:
    return (trial.rung, trial.attempt) == (event.rung, event.attempt)


def _move(state: CampaignState, trial: TrialState, status: TrialStatus) -> None:
    state.by_status[trial.status].discard(trial.trial_id)
    trial.status = status
    state.by_status[status].add(trial.trial_id)


def _require(legal: bool, event: ev.Event, why: str) -> None:
    if not legal:
        raise TransitionError(f"{event}: {why}")


def check(state: CampaignState) -> list[str]:
    """All broken invariants, as sentences; empty when the state is sound.

    For after a replay and for tests, never during a tick: linear in the number of trials.
    """
    broken: list[str] = []
    for status, ids in state.by_status.items():
        wrong = [i for i in ids if state.trials[i].status is not status]
        broken += [f"trial {i} is listed as {status.value} and is not" for i in wrong]
    listed = sum(len(ids) for ids in state.by_status.values())
    if listed != len(state.trials):
        broken.append(f"{len(state.trials)} trials, {listed} listed by status")
    if sorted(state.trials) != list(range(len(state.trials))):
        broken.append("trials are not numbered 0, 1, 2 …")
    jobs: dict[str, int] = {}
    for trial_id in sorted(state.of(TrialStatus.CLAIMED)):
        trial = state.trials[trial_id]
        if trial.job_id is None:
            broken.append(f"trial {trial_id} is claimed by no job")
        elif trial.job_id in jobs:
            broken.append(f"job {trial.job_id} holds trials {jobs[trial.job_id]} and {trial_id}")
        else:
            jobs[trial.job_id] = trial_id
    for trial in state.trials.values():
        if trial.status is TrialStatus.COMPLETED and not has_completed_leg(trial):
            broken.append(f"trial {trial.trial_id} is completed without a result")
        if trial.status in (TrialStatus.FAILED, TrialStatus.STOPPED) and not trial.cause:
            broken.append(f"trial {trial.trial_id} is {trial.status.value} without a cause")
    stoppable = set().union(*(state.by_status[status] for status in STOPPABLE))
    for trial_id in sorted(state.stopping):
        if trial_id not in stoppable or not state.trials[trial_id].stop_asked:
            broken.append(f"trial {trial_id} is to stop, and nobody asked for it or it has ended")
    if len(state.enqueued) > state.points:
        broken.append(f"{len(state.enqueued)} points wait, and only {state.points} were enqueued")
    if state.ended is not None and state.open_trials:
        broken.append(f"the campaign has ended with {state.open_trials} open trials")
    return broken
