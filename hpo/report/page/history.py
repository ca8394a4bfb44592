"""The legs of a campaign and what they came to, over time: the fold of its journal for pictures.

Pure: no I/O, no clock. Times are in s since 1970.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.record.result import Outcome
from hpo.record.state import CampaignState, apply

RUNNING, FINISHED, INTERRUPTED = "running", "finished", "interrupted"
FAILED, LOST = "failed", "lost"


@dataclass(slots=True)
class Leg:
    """A job's work on a trial from `start` to `end`; the latter is open while it runs.

    `how` it ended is one of the words above; `cause` says what took a lost one.
    """

    trial_id: int
    job_id: str
    rung: int
    attempt: int
    start: float
    end: float = math.inf
    how: str = RUNNING
    cause: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a trial was worth at `resource`, told at `time`; `seat_s` were used by then in all."""

    time: float
    seat_s: float
    trial_id: int
    rung: int
    resource: int
    value: float


@dataclass(slots=True)
class History:
    """A campaign as it stands after all events, and the way there.

    Attributes:
        state: the campaign.
        legs: in the order in which they were taken.
        measured: every finite result, in order of time.
        incumbents: those that were better than all that stood before.
        offers: (time, number of legs that any job could have taken from then on).
        lost: how many legs were lost, by cause.
        latest: when anything last happened; None: nothing has.
    """

    state: CampaignState
    legs: list[Leg] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    incumbents: list[Measured] = field(default_factory=list)
    offers: list[tuple[float, int]] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    latest: float | None = None
    _open: dict[int, Leg] = field(default_factory=dict)

    def add(self, event: ev.Event) -> None:
        """Follow one event.

        Raises:
            TransitionError: it cannot follow from those before.
        """
        apply(self.state, event)
        self.latest = event.time if self.latest is None else max(self.latest, event.time)
        match event:
            case ev.LegOffered():
                self._offer(event.time, 1)
            case ev.OfferRevoked():
                self._offer(event.time, -1)
            case ev.LegClaimed():
                self._offer(event.time, -1)
                leg = Leg(event.trial_id, event.job_id, event.rung, event.attempt, event.time)
                self.legs.append(leg)
                self._open[event.trial_id] = leg
            case ev.LegReturned():
                self._return(event)
            case ev.LegFinished():
                self._finish(event)
            case ev.LegLost():
                self.lost[event.cause] += 1
                self._close(event.trial_id, event.time, LOST, event.cause, event.node)
            case _:
                pass
        self._compare(event)

    def _offer(self, time: float, change: int) -> None:
        before = self.offers[-1][1] if self.offers else 0
        self.offers.append((time, before + change))

    def _return(self, event: ev.LegReturned) -> None:
        """Given back by a requeued job; or an offer that has got a new number."""
        if event.trial_id in self._open:
            self.lost["requeued"] += 1
            self._close(event.trial_id, event.time, LOST, "requeued", "")
            self._offer(event.time, 1)

    def _finish(self, event: ev.LegFinished) -> None:
        told = event.result
        leg = self._open[event.trial_id]
        # A manager that was away learns late of both ends.
        leg.start = min(leg.start, event.time - told.elapsed)
        end = min(event.time, leg.start + told.elapsed) if told.elapsed else event.time
        how = {Outcome.FAILED: FAILED, Outcome.INTERRUPTED: INTERRUPTED}.get(told.outcome, FINISHED)
        self._close(event.trial_id, end, how, told.cause or "", told.node)
        if how == FINISHED and told.metric is not None and math.isfinite(told.metric):
            self.measured.append(self._measured(event.time, event.trial_id, told.metric))

    def _close(self, trial_id: int, time: float, how: str, cause: str, node: str) -> None:
        leg = self._open.pop(trial_id)
        leg.end, leg.how, leg.cause, leg.node = max(time, leg.start), how, cause, node

    def _compare(self, event: ev.Event) -> None:
        """Whether another trial leads, or the same one with another value."""
        best, value = self.state.best_trial, self.state.best_metric
        if best is None or value is None:
            return
        last = self.incumbents[-1] if self.incumbents else None
        if last is None or (last.trial_id, last.value) != (best, value):
            self.incumbents.append(self._measured(event.time, best, value))

    def _measured(self, time: float, trial_id: int, value: float) -> Measured:
        trial = self.state.trials[trial_id]
        seat_s = self.state.seat_seconds
        return Measured(time, seat_s, trial_id, trial.rung, trial.resource, value)


def follow(events: Iterable[ev.Event], goal: Goal) -> History:
    """The history that events tell.

    Raises:
        TransitionError: one of them cannot follow from those before.
    """
    history = History(CampaignState(goal))
    for event in events:
        history.add(event)
    return history
