"""What to do next, as a pure function of what is known and the time.

All policy: what follows a finished or lost leg, when to draw, when to stop. Never changes the state
(that is `apply`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hpo.decisions.limits import OFFERS_AHEAD, Limits, all_trials
from hpo.decisions.needs import (
    ComingLeg,
    had_mb,
    has_longer,
    legs_to_come,
    offers_ahead,
    out_of_memory,
    out_of_time,
    outdated_offers,
    with_needs,
)
from hpo.decisions.steering import Answer, Steering
from hpo.decisions.whole_trials import LegPolicy, WholeTrials
from hpo.record import events as ev
from hpo.record.causes import INFRASTRUCTURE, LOST_TOO_OFTEN, MORE_MEMORY, Cause
from hpo.record.requests import Request
from hpo.record.result import Outcome, Result
from hpo.record.state import CampaignState, TrialState, TrialStatus
from hpo.search.searcher import Drawn, History, Searcher, history
from hpo.space.space import Space
from hpo.units.backoff import Backoff
from hpo.values import canonical

__all__ = ["OFFERS_AHEAD", "Limits", "Scheduler"]

BREAKER = "circuit_breaker"
WALLCLOCK = "max_wallclock_time"
GPU_HOURS = "max_gpu_hours"
TARGET = "target_error"
STOPPED_BY_USER = "stopped by the user"
FINISHED = "all trials ended"
HANGS = 2  # at the same place, after which a trial is given up
STORAGE_REST = Backoff(15.0, 600.0)  # doubled with each loss


class Scheduler:
    """Draws trials, lets them run leg by leg, and ends the campaign.

    Without a `legs` policy every trial is one leg: plain asynchronous random search.
    """

    def __init__(
        self,
        searcher: Searcher,
        limits: Limits,
        legs: LegPolicy | None = None,
        space: Space | None = None,
    ) -> None:
        self._searcher = searcher
        self._limits = limits
        self._legs = WholeTrials() if legs is None else legs
        self._steering = Steering(limits, self._legs, space)

    @property
    def searcher(self) -> Searcher:
        """What draws the trials."""
        return self._searcher

    @property
    def limits(self) -> Limits:
        """What bounds the campaign."""
        return self._limits

    @property
    def legs(self) -> LegPolicy:
        """How trials are cut into legs."""
        return self._legs

    def outdated_offers(self, state: CampaignState) -> set[int]:
        """Trials whose offers are to be taken back, and made anew."""
        if state.ending is not None:
            return set(state.of(TrialStatus.OFFERED))
        stopping = state.stopping & state.of(TrialStatus.OFFERED)
        stale = _stale(state) if self._limits.fresh else set()
        return stopping | outdated_offers(state, self._limits) | stale

    def answer(self, state: CampaignState, token: str, request: Request, now: float) -> Answer:
        """What somebody's request comes to."""
        return self._steering.answer(state, token, request, now)

    def decide(
        self, state: CampaignState, now: float, *, stop_asked: bool = False
    ) -> list[ev.Event]:
        """All decisions that are due, in the order in which they are to be applied."""
        if state.started_at is None:
            return [ev.CampaignStarted(now)]
        if state.ended is not None:
            return []
        waiting = _waiting(state)
        resting = [
            trial
            for trial in waiting
            if trial.trial_id not in state.stopping and _must_rest(trial, now)
        ]
        after_legs = [
            self._after_leg(state, trial, now) for trial in waiting if trial not in resting
        ]
        after_legs = [_stop_asked(event, state, now) for event in after_legs]
        after_legs += _stop_paused(state, now)
        decisions = list(after_legs)
        reason = state.ending or (STOPPED_BY_USER if stop_asked else None)
        reason = reason or self._reason_to_end(state, after_legs, now)
        if reason is not None:
            if state.ending is None:
                decisions.append(ev.CampaignEnding(now, reason))
            decisions += [self._after_leg(state, trial, now) for trial in resting]
            # What would be offered again is stopped instead.
            decisions = [_stop(event, reason, now) for event in decisions]
        elif redrawn := self._redrawn(state, decisions, now):
            decisions = redrawn  # what is drawn next is to know of it
        else:
            promoted = [state.trials[trial_id] for trial_id in self._promotions(state)]
            decisions += [self._offer(state, trial, now, rung=trial.rung + 1) for trial in promoted]
            decisions += self._offer_stopped_again(state, now)
            decisions += self._draw(state, len(_offers(decisions)), now)
        idle = reason is not None or not resting
        if idle and self._is_over(state, decisions, ending=reason is not None):
            decisions.append(ev.CampaignEnded(now, reason or FINISHED))
        return self._with_needs(decisions, state)

    def _with_needs(self, decisions: list[ev.Event], state: CampaignState) -> list[ev.Event]:
        return [with_needs(event, state, self._limits) for event in decisions]

    def legs_to_come(self, state: CampaignState) -> Mapping[ComingLeg, int]:
        """How many legs to expect beyond those that are offered; only an estimate."""
        return legs_to_come(state, self._limits, self._legs.at(state))

    def reopen_for(
        self, state: CampaignState, asked: ev.Asked, now: float
    ) -> list[ev.CampaignReopened]:
        """What precedes, at a fresh start, a request that an ended or ending campaign is to meet.

        It comes first, so that a campaign which has ended has no open trials at any line.
        """
        if isinstance(asked, ev.StopAsked) or (state.ending is None and state.ended is None):
            return []
        return [ev.CampaignReopened(now, f"{asked.by} asks for more")]

    def extended(self, state: CampaignState, now: float) -> list[ev.Event]:
        """What a fresh start makes of rungs that the configuration has and the campaign not yet."""
        found = self._steering.by_configuration(state, now)
        return [] if found is None else [*self.reopen_for(state, found, now), found]

    def reopen(self, state: CampaignState, now: float) -> list[ev.Event]:
        """What a fresh start of the manager does to a campaign that had ended or was ending.

        A campaign goes on if its limits now allow more; after `hpo stop` and after the circuit
        breaker it always does, and the trials that tripped that are offered again.
        """
        if state.ending is None and state.ended is None:
            return []
        if state.ending == STOPPED_BY_USER:
            return [ev.CampaignReopened(now, "started again after it was stopped")]
        broken = state.ending == BREAKER
        over = self._out_of_time(state, now)
        stopped = any(self._offer_stopped_again(state, now))
        undrawn = len(state.trials) < self._all_trials(state) and not state.exhausted
        more = undrawn or state.enqueued or any(True for _ in self._promotions(state))
        if not broken and (over or not (more or stopped or state.open_trials)):
            return []
        reason = "started again after the circuit breaker" if broken else "limits were raised"
        decisions: list[ev.Event] = [ev.CampaignReopened(now, reason)]
        if broken:
            decisions += [
                self._offer(state, state.trials[trial_id], now)
                for trial_id in sorted(state.of(TrialStatus.FAILED))
                if state.trials[trial_id].cause == state.alike_cause
                and not state.trials[trial_id].stop_asked
            ]
        return self._with_needs(decisions, state)

    def offer_elsewhere(
        self, state: CampaignState, trial_ids: Collection[int], now: float
    ) -> list[ev.Event]:
        """Another chance for trials that failed on a node which breaks whatever it gets."""
        if state.ending is not None or state.ended is not None:
            return []
        trials = [state.trials[i] for i in trial_ids if not state.trials[i].stop_asked]
        open_to = (TrialStatus.WAITING, TrialStatus.FAILED)
        again: list[ev.Event] = [self._offer(state, t, now) for t in trials if t.status in open_to]
        return self._with_needs(again, state)

    def _after_leg(self, state: CampaignState, trial: TrialState, now: float) -> ev.Event:
        ended = trial.ended_leg
        if ended is None:
            return self._offer(state, trial, now)
        if isinstance(ended, ev.LegLost):
            return self._after_loss(state, trial, ended, now)
        result = ended.result
        if result.cause == Cause.CANCELLED:
            message = result.message or "its job was cancelled"
            return ev.TrialStopped(now, trial.trial_id, message)
        if result.outcome is Outcome.INTERRUPTED:
            return self._again_or_fail(
                state, trial, "it was interrupted before it got further", now
            )
        if result.outcome is Outcome.COMPLETED:
            return self._legs.at(state).after_rung(state, trial, now)
        if result.cause == Cause.OUT_OF_MEMORY:
            return self._with_more_memory(state, trial, result, now)
        if result.cause == Cause.HUNG:
            return self._elsewhere(state, trial, result, now)
        cause, message = result.cause or "failed", result.message or ""
        return ev.TrialFailed(now, trial.trial_id, cause, message)

    def _after_loss(
        self, state: CampaignState, trial: TrialState, lost: ev.LegLost, now: float
    ) -> ev.Event:
        if lost.cause == Cause.CANCELLED:
            return ev.TrialStopped(now, trial.trial_id, lost.message)
        if lost.cause in INFRASTRUCTURE:
            return self._again_or_fail(state, trial, lost.message, now)
        if lost.cause == Cause.TIME_LIMIT:
            if trial.progressed or has_longer(trial, self._limits):
                return self._offer(state, trial, now)
            return ev.TrialFailed(now, trial.trial_id, lost.cause, out_of_time(lost, self._limits))
        if lost.cause == Cause.OUT_OF_MEMORY:
            return self._with_more_memory(state, trial, lost, now)
        return ev.TrialFailed(now, trial.trial_id, lost.cause, lost.message)

    def _with_more_memory(
        self,
        state: CampaignState,
        trial: TrialState,
        ended: Result | ev.LegLost,
        now: float,
    ) -> ev.Event:
        limits = self._limits
        had = had_mb(state, trial, ended, limits)
        more = min(math.ceil(MORE_MEMORY * had), limits.max_mem_mb)
        if more > had:
            return replace(self._offer(state, trial, now), mem_mb=more)
        if trial.gained:
            return self._offer(
                state, trial, now
            )  # as after a time limit: what is left is less each time
        message = out_of_memory(had, ended.message or "", limits)
        return ev.TrialFailed(now, trial.trial_id, Cause.OUT_OF_MEMORY.value, message)

    def _elsewhere(
        self, state: CampaignState, trial: TrialState, hung: Result, now: float
    ) -> ev.Event:
        """Once more for a trial that hung, where it may have been its node."""
        if trial.hangs < HANGS:
            return replace(self._offer(state, trial, now), off=hung.node)
        message = f"it hung {trial.hangs} times at the same place, the last time: {hung.message}"
        return ev.TrialFailed(now, trial.trial_id, Cause.HUNG.value, message)

    def _again_or_fail(
        self, state: CampaignState, trial: TrialState, why: str, now: float
    ) -> ev.Event:
        if trial.losses <= self._limits.max_lost_legs:
            return self._offer(state, trial, now)
        message = (
            f"lost {trial.losses} times without getting to its end, last: {why}; max_lost_legs "
            f"allows {self._limits.max_lost_legs}. Does the objective save and restore its state?"
        )
        return ev.TrialFailed(now, trial.trial_id, LOST_TOO_OFTEN, message)

    def _offer(
        self, state: CampaignState, trial: TrialState, now: float, *, rung: int | None = None
    ) -> ev.LegOffered:
        legs = self._legs.at(state)
        rung = trial.rung if rung is None else rung
        return ev.LegOffered(
            now,
            trial.trial_id,
            rung,
            trial.attempt + 1,
            legs.target(trial.config, rung),
            final=legs.is_final(rung),
            mem_mb=min(trial.mem_mb, self._limits.max_mem_mb),
            off=trial.off if trial.hangs else "",
        )

    def _reason_to_end(
        self, state: CampaignState, due: Collection[ev.Event], now: float
    ) -> str | None:
        limits, best = self._limits, state.best_metric
        if self._out_of_time(state, now):
            return WALLCLOCK
        if limits.max_seat_s is not None and state.seat_seconds >= limits.max_seat_s:
            return GPU_HOURS
        if (
            limits.target_metric is not None
            and best is not None
            and not state.goal.better(limits.target_metric, best)
        ):
            return TARGET
        return BREAKER if self._is_broken(state, due) else None

    def _out_of_time(self, state: CampaignState, now: float) -> bool:
        limit = self._limits.max_wallclock_s
        return (
            limit is not None and state.started_at is not None and now >= state.started_at + limit
        )

    def _is_broken(self, state: CampaignState, due: Collection[ev.Event]) -> bool:
        """Whether the first trials all failed with one cause and none gave a result."""
        allowed = self._limits.max_initial_failures
        if allowed == 0 or state.any_result:
            return False
        causes = Counter(event.cause for event in due if isinstance(event, ev.TrialFailed))
        if state.alike_failures:
            causes[state.alike_cause or ""] += state.alike_failures
        return len(causes) == 1 and causes.total() >= allowed

    def _offer_stopped_again(self, state: CampaignState, now: float) -> Iterator[ev.LegOffered]:
        for trial_id in sorted(state.of(TrialStatus.STOPPED)):
            wanted = trial_id < self._all_trials(state)
            trial = state.trials[trial_id]
            if wanted and not trial.stop_asked and not _is_cancelled(trial):
                yield self._offer(state, trial, now)

    def _draw(self, state: CampaignState, offered_now: int, now: float) -> Iterator[ev.Event]:
        room = offers_ahead(state, self._limits)
        room -= len(state.of(TrialStatus.OFFERED)) + offered_now
        drawn, known = Drawn(state.taken, state.constants), history(state)
        first = len(state.trials)
        for trial_id in range(first, min(self._all_trials(state), first + max(room, 0))):
            enqueued = trial_id - first < len(state.enqueued)
            config: Mapping[str, Any] | None = None
            if enqueued:
                config = state.enqueued[trial_id - first]
            elif not state.exhausted:
                # The points take no numbers from the searcher, whose draws are the same with them.
                config = self._searcher.suggest(trial_id - state.points, drawn, known)
            if config is None:
                if not state.exhausted:
                    yield ev.SearchExhausted(now, trial_id)
                return
            config = {**config, **state.constants}
            drawn.new.add(canonical(config))
            known.add_drawn(trial_id, config)
            bracket = self._legs.at(state).bracket(trial_id)
            yield ev.TrialDrawn(now, trial_id, config, bracket, enqueued)
            yield self._offer(state, TrialState(trial_id, config, bracket, rung=bracket), now)

    def _redrawn(
        self, state: CampaignState, decisions: Sequence[ev.Event], now: float
    ) -> list[ev.Event]:
        """The decisions, the first of the offers that nobody took suggested anew; empty: none."""
        for place, event in enumerate(decisions if self._limits.fresh else ()):
            if not isinstance(event, ev.LegOffered) or not _is_untaken(state, event.trial_id):
                continue
            trial = state.trials[event.trial_id]
            config = self._suggested_anew(state, trial)
            if config is None or config == trial.config:
                continue
            offer = self._offer(state, replace(trial, config=config), now)
            anew: list[ev.Event] = [ev.TrialRedrawn(now, trial.trial_id, config), offer]
            return [*decisions[:place], *anew, *decisions[place + 1 :]]
        return []

    def _suggested_anew(self, state: CampaignState, trial: TrialState) -> dict[str, Any] | None:
        others = History(t for t in history(state).trials if t.trial_id != trial.trial_id)
        taken = Drawn(state.taken - {canonical(trial.config)}, state.constants)
        config = self._searcher.suggest(trial.draw or 0, taken, others)
        return None if config is None else {**config, **state.constants}

    def _is_over(
        self, state: CampaignState, decisions: Collection[ev.Event], *, ending: bool
    ) -> bool:
        if _offers(decisions) or state.of(TrialStatus.OFFERED) or state.of(TrialStatus.CLAIMED):
            return False
        if not ending and any(isinstance(event, ev.TrialPaused) for event in decisions):
            return False  # promotions are seen in the next round
        exhausted = state.exhausted or any(
            isinstance(event, ev.SearchExhausted) for event in decisions
        )
        return ending or exhausted or len(state.trials) >= self._all_trials(state)

    def _promotions(self, state: CampaignState) -> Iterator[int]:
        promoted = self._legs.at(state).promotions(state)
        yield from (trial_id for trial_id in promoted if trial_id not in state.stopping)

    def _all_trials(self, state: CampaignState) -> int:
        return all_trials(state, self._limits.n_trials)


def _is_untaken(state: CampaignState, trial_id: int) -> bool:
    """Whether the searcher drew the trial, and no job ever took it."""
    trial = state.trials[trial_id]
    return trial.draw is not None and trial.first_attempt is None


def _stale(state: CampaignState) -> set[int]:
    """The new trial that is taken next, where results have come since it was offered.

    The others stay, so that jobs find work whatever becomes of the manager.
    """
    untaken = (i for i in state.of(TrialStatus.OFFERED) if _is_untaken(state, i))
    coming = min(untaken, key=lambda i: (-state.trials[i].rung, i), default=None)
    is_stale = coming is not None and state.trials[coming].results_known < state.n_results
    return {coming} if coming is not None and is_stale else set()


def _must_rest(trial: TrialState, now: float) -> bool:
    """Whether to wait before the leg is offered again, longer after each loss.

    The disk is full for other jobs as well: a leg that came back at once would use up its losses.
    """
    lost = trial.ended_leg
    if not isinstance(lost, ev.LegLost) or lost.cause != Cause.STORAGE:
        return False
    return now < lost.time + STORAGE_REST.doubled(trial.losses)


def _is_cancelled(trial: TrialState) -> bool:
    """Whether the user cancelled the trial's job: that stays in force."""
    ended = trial.ended_leg
    told = ended.result if isinstance(ended, ev.LegFinished) else ended
    return told is not None and told.cause == Cause.CANCELLED


def _waiting(state: CampaignState) -> list[TrialState]:
    return [state.trials[trial_id] for trial_id in sorted(state.of(TrialStatus.WAITING))]


def _offers(decisions: Collection[ev.Event]) -> list[ev.LegOffered]:
    return [event for event in decisions if isinstance(event, ev.LegOffered)]


def _stop_asked(event: ev.Event, state: CampaignState, now: float) -> ev.Event:
    """The decision on a trial that somebody asked to stop: it neither goes on nor rests."""
    if isinstance(event, (ev.LegOffered, ev.TrialPaused)) and event.trial_id in state.stopping:
        return ev.TrialStopped(now, event.trial_id, STOPPED_BY_USER)
    return event


def _stop_paused(state: CampaignState, now: float) -> list[ev.Event]:
    return [
        ev.TrialStopped(now, trial_id, STOPPED_BY_USER)
        for trial_id in sorted(state.stopping & state.of(TrialStatus.PAUSED))
    ]


def _stop(event: ev.Event, reason: str, now: float) -> ev.Event:
    if isinstance(event, ev.LegOffered):
        return ev.TrialStopped(now, event.trial_id, reason)
    return event
