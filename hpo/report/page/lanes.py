"""Legs laid into lanes, one for each job that ran at once, and what the gaps between them were.

The journal does not know the queue: a gap is told by what came before it and by whether there was
work that a job could have taken. Pure: no I/O, no clock.
"""

from __future__ import annotations

import heapq
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from hpo.record.causes import INFRASTRUCTURE
from hpo.report.page.history import INTERRUPTED, LOST, RUNNING, Leg

RUNS, STARTING, WAITING, PREEMPTED, IDLE = "runs", "starting", "waiting", "preempted", "idle"
KINDS = (RUNS, STARTING, WAITING, PREEMPTED, IDLE)
MOST_LANES = 40
RESOLUTION = 500  # what is shorter than such a part of the whole is drawn with its neighbours
_TAKEN = frozenset(str(cause) for cause in INFRASTRUCTURE)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a lane in which one thing was so; `leg` is the one that ran, `legs` how many.

    Times are in s since 1970.
    """

    lane: int
    start: float
    end: float
    kind: str
    leg: Leg | None = None
    legs: int = 0


@dataclass(frozen=True, slots=True)
class Lanes:
    """What was drawn and of how many lanes; `seconds` by kind of all of them."""

    segments: tuple[Segment, ...]
    shown: int
    lanes: int
    seconds: dict[str, float]


def lay(
    legs: Sequence[Leg],
    offers: Sequence[tuple[float, int]],
    begin: float,
    end: float,
    start_up_s: float = 0.0,
    waiting: Container[int] = (),
) -> Lanes:
    """The lanes of a campaign between `begin` and `end` (s since 1970).

    Args:
        legs: all of them; one that runs ends at `end`.
        offers: (time, legs that any job could have taken from then on), in order of time.
        begin: when the campaign began.
        end: until when it is drawn.
        start_up_s: what a leg takes before its first epoch (s); 0: nobody knows.
        waiting: trials that are to go on, and for which no job has been found yet.
    """
    rows = _packed(sorted(legs, key=lambda leg: (leg.start, leg.trial_id)), end)
    offered = _Offered(offers)
    again = _again(legs, waiting, end)
    seconds = dict.fromkeys(KINDS, 0.0)
    drawn: list[Segment] = []
    for lane, row in enumerate(rows):
        whole = _with_gaps(lane, row, offered, again, begin, end, start_up_s)
        for part in whole:
            seconds[part.kind] += part.end - part.start
        if lane < MOST_LANES:
            drawn += _thinned(whole, (end - begin) / RESOLUTION)
    return Lanes(tuple(drawn), min(len(rows), MOST_LANES), len(rows), seconds)


def _packed(legs: Sequence[Leg], end: float) -> list[list[Leg]]:
    """Each leg into the lane of its job, if that is free, else into the first free one."""
    rows: list[list[Leg]] = []
    free: list[int] = []
    busy: list[tuple[float, int]] = []  # (end, lane)
    of_job: dict[str, int] = {}
    for leg in legs:
        while busy and busy[0][0] <= leg.start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        own = of_job.get(leg.job_id)
        if own is not None and own in free:
            free.remove(own)
            heapq.heapify(free)
            lane = own
        elif free:
            lane = heapq.heappop(free)
        else:
            lane = len(rows)
            rows.append([])
        rows[lane].append(leg)
        of_job[leg.job_id] = lane
        heapq.heappush(busy, (min(leg.end, end), lane))
    return rows


class _Offered:
    """For how long in a span work was offered that no job had taken yet."""

    def __init__(self, offers: Sequence[tuple[float, int]]) -> None:
        # In order, also where a clock was set back.
        self._times = np.maximum.accumulate(np.array([time for time, _ in offers] or [0.0]))
        open_for = [
            later - earlier if count > 0 else 0.0
            for (_, count), earlier, later in zip(
                offers, self._times, self._times[1:], strict=False
            )
        ]
        self._sums = np.array([0.0, *accumulate(open_for)])
        self._last = bool(offers) and offers[-1][1] > 0

    def seconds(self, start: float, end: float) -> float:
        until, since = self._before(end), self._before(start)
        return until - since

    def _before(self, time: float) -> float:
        found = float(np.interp(time, self._times, self._sums))
        return found + (max(0.0, time - float(self._times[-1])) if self._last else 0.0)


def _again(
    legs: Sequence[Leg], waiting: Container[int], end: float
) -> dict[tuple[int, int], float]:
    """When a trial went on that was taken from its job, by trial and attempt.

    One that does not go on, because its user or a limit stopped it, was not preempted.
    """
    found: dict[tuple[int, int], float] = {}
    last: dict[int, Leg] = {}
    for leg in legs:
        before = last.get(leg.trial_id)
        if before is not None and _was_taken(before):
            found[before.trial_id, before.attempt] = leg.start
        last[leg.trial_id] = leg
    for leg in last.values():
        if _was_taken(leg) and leg.trial_id in waiting:
            found[leg.trial_id, leg.attempt] = end
    return found


def _was_taken(leg: Leg) -> bool:
    return leg.how == INTERRUPTED or (leg.how == LOST and leg.cause in _TAKEN)


def _with_gaps(
    lane: int,
    row: Sequence[Leg],
    offered: _Offered,
    again: Mapping[tuple[int, int], float],
    begin: float,
    end: float,
    start_up_s: float,
) -> list[Segment]:
    parts: list[Segment] = []
    at, taken_until = begin, begin
    for leg in row:
        start, stop = max(begin, leg.start), min(leg.end, end)
        parts += _gap(lane, at, start, offered, taken_until)
        ready = min(stop, start + start_up_s)
        if ready > start:
            parts.append(Segment(lane, start, ready, STARTING, leg))
        if stop > ready:
            parts.append(Segment(lane, ready, stop, RUNS, leg, 1))
        at = max(at, stop)
        taken_until = again.get((leg.trial_id, leg.attempt), at)
        if leg.how == RUNNING:
            at = end
    parts += _gap(lane, at, end, offered, taken_until)
    return parts


def _gap(
    lane: int, start: float, end: float, offered: _Offered, taken_until: float
) -> list[Segment]:
    """Up to `taken_until` a trial waits that was taken from the job before."""
    parts = []
    until = min(end, taken_until)
    if until > start:
        parts.append(Segment(lane, start, until, PREEMPTED))
        start = until
    if end > start:
        waited = offered.seconds(start, end) > (end - start) / 2
        parts.append(Segment(lane, start, end, WAITING if waited else IDLE))
    return parts


def _thinned(parts: Sequence[Segment], least_s: float) -> list[Segment]:
    """Neighbours that are too short to be seen as one, of the kind that took most of its time."""
    found: list[Segment] = []
    group: list[Segment] = []
    for part in parts:
        if group and part.end - group[0].start > least_s:
            found.append(_joined(group))
            group = []
        group.append(part)
    return [*found, _joined(group)] if group else found


def _joined(group: Sequence[Segment]) -> Segment:
    if len(group) == 1:
        return group[0]
    longest = max(group, key=lambda part: part.end - part.start)
    legs = sum(part.legs for part in group)
    return Segment(
        longest.lane, group[0].start, group[-1].end, longest.kind, longest.leg, max(legs, 1)
    )
