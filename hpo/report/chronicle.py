"""How a campaign came to stand as it stands: what its state forgets and a person wants to see.

The incumbent over time, how many legs ran, which failures stand, what took jobs from their legs,
the last lines of the log. A fold of the journal beside `hpo.record.state`, so that replay tells it
all again, but for the jobs that waited. What is kept does not grow with the campaign, except for
one number a failed trial.
"""

from __future__ import annotations

import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.state import CampaignState, TrialStatus

MOST_POINTS = 200  # of a curve
MOST_LINES = 20
FAR_BACK = 20 * MOST_LINES  # events: in them there are as many lines, after a restart


class Incumbent(NamedTuple):
    """The best trial from `time` (s, Unix) on, and what it is worth; after `seat_seconds` on legs.

    That may be less than before: a trial may have become worse on its way to a higher rung.
    """

    time: float
    error: float
    trial_id: int
    resource: int
    seat_seconds: float


class Seats(NamedTuple):
    """From `time` (s, Unix) on: legs that ran, and jobs that waited (None: nobody knows)."""

    time: float
    running: int
    waiting: int | None


class Line(NamedTuple):
    """A line of the log; `level` as in `logging`."""

    time: float
    level: int
    text: str

    @property
    def level_name(self) -> str:
        """`info`, `warning` or `error`."""
        if self.level >= logging.ERROR:
            return "error"
        return "warning" if self.level >= logging.WARNING else "info"


@dataclass(slots=True)
class Chronicle:
    """The fold; changed by `follow`, `look` and `told` alone."""

    incumbents: list[Incumbent] = field(default_factory=list)
    seats: list[Seats] = field(default_factory=list)
    failed: dict[str, dict[int, None]] = field(default_factory=dict)  # trials by cause, in order
    lost_by: Counter[str] = field(default_factory=Counter)
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=MOST_LINES))

    def follow(self, event: ev.Event, state: CampaignState) -> None:
        """Take in an event that was just applied to `state`."""
        match event:
            case ev.LegClaimed():
                self._seats_changed(event, state)
            case ev.LegFinished():
                self._seats_changed(event, state)
                self._compare(event.time, state)
            case ev.LegLost():
                self._seats_changed(event, state)
                self.lost_by[event.cause] += 1
            case ev.LegReturned():
                self._seats_changed(event, state)
                self.lost_by[Cause.PREEMPTED.value] += 1
            case ev.TrialFailed():
                self._compare(event.time, state)
                self.failed.setdefault(event.cause, {})[event.trial_id] = None
            case ev.LegOffered() if event.attempt > 0:
                self._goes_on(event.trial_id)

    def look(self, now: float, running: int, waiting: int) -> None:
        """What is seen now, which no event tells."""
        self._note(Seats(now, running, waiting))

    def told(self, line: Line) -> None:
        """The log was told this."""
        self.lines.append(line)

    def seen_running(self, since: float) -> list[int]:
        """How many legs ran from `since` on, each number as often as it was noted."""
        return [seats.running for seats in self.seats if seats.time >= since]

    def _seats_changed(self, event: ev.Event, state: CampaignState) -> None:
        waiting = self.seats[-1].waiting if self.seats else None
        self._note(Seats(event.time, len(state.of(TrialStatus.CLAIMED)), waiting))

    def _note(self, seats: Seats) -> None:
        last = self.seats[-1] if self.seats else None
        seats = seats._replace(time=round(seats.time, 2))
        if last is not None and last[1:] == seats[1:]:
            return
        if last is not None and last.time >= seats.time:
            self.seats[-1] = seats._replace(time=last.time)
            return
        self.seats.append(seats)
        if len(self.seats) > MOST_POINTS:
            self.seats = thinned(self.seats, MOST_POINTS // 2, lambda point: point.time)

    def _compare(self, now: float, state: CampaignState) -> None:
        best, last = state.best_trial, self.incumbents[-1] if self.incumbents else None
        if best is None:
            return
        trial = state.trials[best]
        if trial.metric is None or (last and (last.trial_id, last.error) == (best, trial.metric)):
            return
        step = Incumbent(now, trial.metric, best, trial.resource, state.seat_seconds)
        self.incumbents.append(step)
        if len(self.incumbents) > MOST_POINTS:
            self.incumbents = thinned(self.incumbents, MOST_POINTS // 2, lambda point: point.time)

    def _goes_on(self, trial_id: int) -> None:
        """A trial that had failed gets another chance."""
        for cause, trials in self.failed.items():
            if trials.pop(trial_id, self) is None:
                if not trials:
                    del self.failed[cause]
                return


T = TypeVar("T")


def thinned(points: Sequence[T], most: int, at: Callable[[T], float]) -> list[T]:
    """At most so many (from 3 on) of the points, which are in order: evenly over time.

    The first and the last are among them, and of those between the last of each span.
    """
    if len(points) <= most:
        return list(points)
    first, last = at(points[0]), at(points[-1])
    span = (last - first) / (most - 2) or 1.0
    kept: dict[int, T] = {}
    for point in points[1:-1]:
        kept[min(int((at(point) - first) / span), most - 3)] = point
    return [points[0], *kept.values(), points[-1]]
