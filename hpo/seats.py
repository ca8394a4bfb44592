"""What is known of the jobs of this campaign, and how many more it needs.

Owns the seat: one job as an empty place for legs. Pure: no I/O, no clock. Nothing here is
journaled: after a restart the cluster and the claims tell it all again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from hpo.causes import Cause


class JobPhase(Enum):
    """Where a job stands; all that the rest of the program knows of a cluster's own words."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class JobStatus:
    """One job as the cluster sees it.

    `cause` and `detail` say, for an ended job, what took it from a leg it had not finished;
    `ok` that it ended by itself with exit code 0. `reason` is why a queued job waits.
    """

    phase: JobPhase
    cause: Cause = Cause.VANISHED
    detail: str = ""
    ok: bool = False
    reason: str = ""
    node: str = ""


@dataclass(slots=True)
class Seat:
    """One job of this campaign; times in s."""

    job_id: str
    phase: JobPhase
    status: JobStatus
    ended_at: float | None = None  # when the cluster first said so
    absent_since: float | None = None  # no longer listed, end unknown
    trial_id: int | None = None  # of the leg it holds
    legs: int = 0  # taken in its life
    claimed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class SeatPlan:
    """What to ask of the cluster: `count` new seats, at most `at_once` of which may run."""

    count: int = 0
    at_once: int = 0


@dataclass(slots=True)
class SeatBook:
    """All seats that may still live, kept up to date from polls and claims."""

    seats: dict[str, Seat] = field(default_factory=dict)
    polled: bool = False  # whether the cluster has answered since this manager started
    dead_before_claim: int = 0  # seats in a row that ended badly without ever taking a leg
    last_dead: Seat | None = None
    # Jobs that the cluster may still list as running while they end: no seats any more.
    _over: set[str] = field(default_factory=set)

    def take_poll(
        self, statuses: Mapping[str, JobStatus], asked_at: float, *, vanish_s: float
    ) -> None:
        """Take in the cluster's answer to a question asked at `asked_at`."""
        self.polled = True
        self._over &= statuses.keys()
        for job_id, status in statuses.items():
            if job_id in self._over:
                continue
            seat = self.seats.get(job_id)
            if seat is None:
                if status.phase is not JobPhase.ENDED:
                    self.seats[job_id] = Seat(job_id, status.phase, status)
                continue
            seat.status, seat.absent_since = status, None
            if status.phase is JobPhase.ENDED and seat.phase is not JobPhase.ENDED:
                seat.ended_at = asked_at
            seat.phase = status.phase
        for seat in self.seats.values():
            if seat.job_id not in statuses and seat.phase is not JobPhase.ENDED:
                seat.absent_since = asked_at if seat.absent_since is None else seat.absent_since
        self._bury(asked_at, vanish_s)

    def _bury(self, now: float, vanish_s: float) -> None:
        """Forget seats that hold nothing and are over; count those that died without a leg.

        Not in the poll that first says so: a claim that was made since the last look at the files
        is not known yet.
        """
        for seat in [s for s in self.seats.values() if s.trial_id is None]:
            vanished = seat.absent_since is not None and seat.absent_since <= now - vanish_s
            ended = seat.phase is JobPhase.ENDED and seat.ended_at != now
            if not ended and not vanished:
                continue
            del self.seats[seat.job_id]
            if seat.legs == 0 and not seat.status.ok and seat.status.cause in _OWN_FAULT:
                self.dead_before_claim += 1
                self.last_dead = seat

    def has_unexplained_ends(self) -> bool:
        """Whether jobs died without a leg that is known of; the next poll tells, so wait for it."""
        return any(
            seat.phase is JobPhase.ENDED and seat.legs == 0 and not seat.status.ok
            for seat in self.seats.values()
        )

    def submitted(self, job_ids: list[str]) -> None:
        """New seats wait in the queue."""
        for job_id in job_ids:
            queued = JobStatus(JobPhase.QUEUED)
            self.seats.setdefault(job_id, Seat(job_id, JobPhase.QUEUED, queued))

    def claimed(self, job_id: str, trial_id: int, now: float) -> None:
        """A job took a leg: it runs, even if a former life of it was over."""
        self._over.discard(job_id)
        running = JobStatus(JobPhase.RUNNING)
        seat = self.seats.setdefault(job_id, Seat(job_id, JobPhase.RUNNING, running))
        if seat.phase is JobPhase.QUEUED:
            seat.phase, seat.status = JobPhase.RUNNING, running
        seat.trial_id, seat.claimed_at = trial_id, now
        seat.legs += 1
        self.dead_before_claim = 0

    def left(self, job_id: str, *, over: bool) -> None:
        """A job no longer holds its leg; `over`: its life ends with it."""
        if over:
            self.seats.pop(job_id, None)
            self._over.add(job_id)
        elif job_id in self.seats:
            self.seats[job_id].trial_id = None

    def returned(self, job_id: str | None) -> None:
        """The leg of a former life was given back; the job itself lives on."""
        if job_id in self.seats:
            self.seats[job_id].trial_id = None

    def queued(self) -> list[Seat]:
        """Seats that wait for the cluster."""
        return [s for s in self.seats.values() if s.phase is JobPhase.QUEUED]

    def running(self) -> list[Seat]:
        """Seats that run, with a leg or still looking for one."""
        return [s for s in self.seats.values() if s.phase is JobPhase.RUNNING]

    def loss_of(
        self, job_id: str, now: float, *, grace_s: float, vanish_s: float
    ) -> tuple[Cause, str] | None:
        """Why the leg that `job_id` holds is lost, or None while it may still be finished.

        A job that ended gets `grace_s` for its result to become visible. A job that SLURM
        requeued (it waits again, after it held a leg) has lost that leg. A job that is merely no
        longer listed is given up after `vanish_s`: absence proves nothing.
        """
        seat = self.seats.get(job_id)
        if seat is None or not self.polled:
            return None
        if seat.phase is JobPhase.ENDED and seat.ended_at is not None:
            if now >= seat.ended_at + grace_s:
                return seat.status.cause, seat.status.detail or seat.status.cause.value
        elif seat.phase is JobPhase.QUEUED and seat.trial_id is not None:
            return Cause.PREEMPTED, f"job {job_id} waits in the queue again ({seat.status.reason})"
        elif seat.absent_since is not None and now >= seat.absent_since + vanish_s:
            return Cause.VANISHED, f"the cluster knows no job {job_id} any more"
        return None


# A seat that dies of these before it takes a leg has a broken environment, not bad luck.
_OWN_FAULT = frozenset({Cause.KILLED, Cause.OUT_OF_MEMORY, Cause.TIME_LIMIT})


def plan_seats(
    book: SeatBook,
    *,
    offered: int,
    at_once: int,
    max_queued: int,
    has_queue: bool,
) -> SeatPlan:
    """How many seats to ask for, so that each offer finds one and `at_once` is never exceeded.

    With a queue of the cluster's own, a whole campaign is asked for at once and the cluster
    itself keeps to `at_once`: a freed GPU is filled again without the manager. While such seats
    still wait, nothing is added to them; behind them, seats are asked for as others end.
    """
    if not book.polled:
        return SeatPlan()
    running, queued = len(book.running()), len(book.queued())
    idle = sum(1 for seat in book.running() if seat.trial_id is None)
    missing = min(offered, max_queued - running - queued) - queued - idle
    if missing <= 0:
        return SeatPlan()
    if has_queue and running == 0 and queued == 0:
        return SeatPlan(missing, min(at_once, missing))
    room = at_once - running - queued
    count = min(missing, room)
    return SeatPlan(count, count) if count > 0 else SeatPlan()
