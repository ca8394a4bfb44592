"""What is known of the jobs of this campaign.

Owns the seat: one job as an empty place for legs. Pure: no I/O, no clock. Nothing here is
journaled: after a restart the cluster and the claims tell it all again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from hpo.record.causes import Cause
from hpo.seats.orders import (
    Avoid,
    Cancel,
    Change,
    LimitArray,
    Order,
    Raise,
    Renew,
    Shrink,
    Submit,
    array_of,
)
from hpo.units.backoff import Backoff
from hpo.units.sizes import DEFAULT_SIZE, Size


class JobPhase(Enum):
    """Where a job stands; all that the rest of the program knows of a cluster's own words."""

    QUEUED = "queued"
    RUNNING = "running"
    ENDED = "ended"


LOOKS = 6  # at a job that ends, or comes back, before it is left to the usual rhythm
VAIN_PAUSE = Backoff(900.0, 8 * 3600.0)  # after a seat that came in vain


@dataclass(frozen=True, slots=True)
class JobStatus:
    """One job as the cluster sees it.

    `cause` and `detail` say, for an ended job, what took it from a leg it had not finished; for one
    that waits again, with its `node`, how its former life ended, where the cluster has told;
    `ok` that it ended by itself with exit code 0. `reason` is why a queued job waits, and `advice`
    what a person should know or do about that, if anything. `size` is what it was asked for with,
    or changed to since, as far as the cluster can still tell. `ended_at` (s, Unix) is when it
    ended, by the cluster's clock, where that is known. `begins_later`: a queued job may not start
    before a time that was set for it. `why` is `reason` in words, as what follows "as", and
    `starts_at` (s, Unix) when the cluster plans to start it, where it tells. `at_limit`: it waits
    because no more jobs of this user may run at once.
    """

    phase: JobPhase
    cause: Cause = Cause.VANISHED
    detail: str = ""
    ok: bool = False
    reason: str = ""
    advice: str = ""
    node: str = ""
    size: Size = DEFAULT_SIZE
    ended_at: float | None = None
    begins_later: bool = False
    why: str = ""
    at_limit: bool = False
    starts_at: float | None = None


@dataclass(slots=True)
class Seat:
    """One job of this campaign; times in s."""

    job_id: str
    phase: JobPhase
    status: JobStatus
    seen_at: float = float("-inf")  # when the cluster last said that it lives
    ended_at: float | None = None  # never before `seen_at`, nor after the cluster first said so
    told_at: float | None = None  # when the cluster first said that it ended
    absent_since: float | None = None  # no longer listed, end unknown
    trial_id: int | None = None  # of the leg it holds
    legs: int = 0  # taken in its life
    size: Size = DEFAULT_SIZE  # that it was asked for with, as far as anybody knows
    claimed_at: float = 0.0
    off: frozenset[str] | None = None  # the nodes that it was told to keep off; None: unknown
    keeps: bool = False  # it is to be left as it is: nobody knows what it has
    has_run: bool = False  # as far as anybody has seen
    looks: int = 0  # worth taking soon: it gave up its leg, and may be coming back

    @property
    def is_back_late(self) -> bool:
        """Whether it was requeued and may not start yet, for which SLURM takes two minutes.

        It has lost its age in the queue: a new one starts no later, and sooner where there is room.
        One that has never run begins later because the user wants that.
        """
        queued = self.phase is JobPhase.QUEUED and self.trial_id is None
        return queued and self.has_run and self.status.begins_later


@dataclass(slots=True)
class SeatBook:
    """All seats that may still live, kept up to date from polls and claims."""

    seats: dict[str, Seat] = field(default_factory=dict)
    counted: bool = False  # whether the cluster has told what there is, and nothing since is unsure
    limits: dict[str, int] = field(default_factory=dict)  # as the cluster took them, by array
    deaths: list[Seat] = field(default_factory=list)  # before a leg, since one last took a leg
    vain: int = 0  # seats that found no leg and are forgotten, since one last took a leg
    vain_at: float = float("-inf")  # when the last of them ended, as the cluster first said
    _new_deaths: list[Seat] = field(default_factory=list)  # that nobody has looked into yet
    foreign: frozenset[str] = frozenset()  # jobs of the campaign that this one was copied from
    # Jobs that the cluster may still list as running while they end: no seats any more.
    _over: set[str] = field(default_factory=set)

    def take_poll(
        self, statuses: Mapping[str, JobStatus], asked_at: float, *, vanish_s: float
    ) -> None:
        """Take in the cluster's answer to a question asked at `asked_at`."""
        self.counted = True
        self._over &= statuses.keys()
        for job_id, status in statuses.items():
            if job_id in self._over:
                continue
            seat = self.seats.get(job_id)
            if seat is None:
                if status.phase is not JobPhase.ENDED:
                    runs = status.phase is JobPhase.RUNNING
                    self.seats[job_id] = Seat(
                        job_id,
                        status.phase,
                        status,
                        seen_at=asked_at,
                        size=status.size,
                        has_run=runs,
                    )
                continue
            seat.status, seat.absent_since, seat.phase = status, None, status.phase
            seat.has_run |= status.phase is JobPhase.RUNNING
            # The time it was asked for with stands, even where a maintenance cut it.
            if seat.size != status.size:
                mem_mb = status.size.known_or(seat.size).mem_mb
                seat.size = Size(mem_mb, seat.size.known_or(status.size).time_min)
            if status.phase is not JobPhase.QUEUED:
                seat.off = None  # where it waits again, it may have started before it was told
            if status.phase is not JobPhase.ENDED:
                seat.seen_at, seat.told_at, seat.ended_at = asked_at, None, None
                continue
            if seat.told_at is None:
                seat.told_at = asked_at
                self.vain_at = asked_at if _is_vain(seat) else self.vain_at
            seat.ended_at = _end_of(seat, seat.told_at)
        for seat in self.seats.values():
            still_runs = seat.phase is JobPhase.RUNNING and seat.job_id in statuses
            seat.looks = max(0, seat.looks - 1) if still_runs else 0
            if seat.job_id in self.foreign and seat.ended_at is None:
                seat.ended_at = asked_at
            if seat.job_id not in statuses and seat.phase is not JobPhase.ENDED:
                seat.absent_since = asked_at if seat.absent_since is None else seat.absent_since
        self._bury(asked_at, vanish_s)
        arrays = {array_of(job_id) for job_id in self.seats}
        self.limits = {array: n for array, n in self.limits.items() if array in arrays}

    def _bury(self, now: float, vanish_s: float) -> None:
        """Forget seats that hold nothing and are over; count those that died without a leg.

        Not in the poll that first says so: a claim that was made since the last look at the files
        is not known yet.
        """
        for seat in [s for s in self.seats.values() if s.trial_id is None]:
            vanished = seat.absent_since is not None and seat.absent_since <= now - vanish_s
            ended = seat.phase is JobPhase.ENDED and seat.told_at != now
            if not ended and not vanished:
                continue
            del self.seats[seat.job_id]
            self.vain += ended and _is_vain(seat)
            if seat.legs == 0 and not seat.status.ok and seat.status.cause in _OWN_FAULT:
                self.deaths.append(seat)
                self._new_deaths.append(seat)

    @property
    def in_vain(self) -> int:
        """Seats that ended well without a leg, since one last took a leg."""
        return self.vain + sum(1 for seat in self.seats.values() if _is_vain(seat))

    def may_expect(self, now: float) -> bool:
        """Whether to ask for seats for legs that are only expected, where others came in vain.

        A seat that starts before there is a leg for it holds a GPU for `claim_timeout` and ends.
        Behind a long queue that is a small price for the next leg's place in it; where jobs start
        at once, a seat would follow the other for as long as the last legs run. So there is a pause
        after seats that found no leg, until one takes a leg again.
        """
        return self.in_vain == 0 or now >= self.vain_at + VAIN_PAUSE.doubled(self.in_vain - 1)

    def take_deaths(self) -> list[Seat]:
        """The seats that died before a leg since this was last asked."""
        taken, self._new_deaths = self._new_deaths, []
        return taken

    def busy_nodes(self) -> set[str]:
        """Where a seat holds a leg, as far as the cluster has said."""
        return {s.status.node for s in self.running() if s.trial_id is not None} - {""}

    def has_unexplained_ends(self) -> bool:
        """Whether jobs died without a leg that is known of; the next poll tells, so wait for it."""
        return any(
            seat.phase is JobPhase.ENDED and seat.legs == 0 and not seat.status.ok
            for seat in self.seats.values()
        )

    def submitted(self, job_ids: list[str], order: Submit) -> None:
        """New seats wait in the queue."""
        for job_id in job_ids:
            queued = JobStatus(JobPhase.QUEUED, size=order.size)
            seat = Seat(job_id, JobPhase.QUEUED, queued, size=order.size, off=order.avoid)
            self.seats.setdefault(job_id, seat)
        if len(job_ids) > 1:
            self.limits[array_of(job_ids[0])] = order.at_once

    def carried_out(self, order: Change) -> None:
        """The cluster has done what it was told."""
        match order:
            case Raise():
                for seat in self._known(order.job_ids):
                    seat.size = Size(order.mem_mb, seat.size.time_min)
            case Shrink():
                for seat in self._known(order.job_ids):
                    seat.size = order.size.known_or(seat.size)
            case Avoid():
                for seat in self._known(order.job_ids):
                    seat.off = order.nodes
            case Renew():
                for seat in self._known(order.job_ids):
                    seat.off = None
            case Cancel():
                for job_id in order.job_ids:
                    self.seats.pop(job_id, None)
                # What had started before it was cancelled goes on: it has to be counted.
                self.counted = False
            case _:  # the limit of an array
                # What had started before a limit was lowered goes on: it has to be counted.
                if order.at_once < self.limits.get(order.array, order.at_once + 1):
                    self.counted = False
                self.limits[order.array] = order.at_once

    def unsure(self, order: Order) -> None:
        """Of an order that was not answered nobody can tell whether it was carried out."""
        self.counted = False
        match order:
            case LimitArray():
                self.limits.pop(order.array, None)
            case Shrink():
                for seat in self._known(order.job_ids):
                    seat.keeps = True

    def _known(self, job_ids: Iterable[str]) -> list[Seat]:
        return [self.seats[job_id] for job_id in job_ids if job_id in self.seats]

    def claimed(self, job_id: str, trial_id: int, now: float) -> None:
        """A job took a leg: it runs, even if a former life of it was over."""
        self._over.discard(job_id)
        running = JobStatus(JobPhase.RUNNING)
        seat = self.seats.setdefault(job_id, Seat(job_id, JobPhase.RUNNING, running))
        if seat.phase is JobPhase.QUEUED:
            seat.phase, seat.status, seat.off = JobPhase.RUNNING, running, None
        seat.trial_id, seat.claimed_at = trial_id, now
        seat.has_run, seat.looks = True, 0
        seat.legs += 1
        self.deaths.clear()
        self.vain = 0
        if job_id in self.foreign:
            seat.phase, seat.status = JobPhase.ENDED, _FOREIGN

    def left(self, job_id: str, *, over: bool, early: bool = False) -> None:
        """A job no longer holds its leg; `over`: its life ends with it.

        `early`: because it was asked to leave, so that it may come back, or end.
        """
        if over:
            self.seats.pop(job_id, None)
            self._over.add(job_id)
        elif job_id in self.seats:
            self.seats[job_id].trial_id = None
            self.seats[job_id].looks = LOOKS if early else 0

    def is_worth_a_look(self) -> bool:
        """Whether a job has just given up its leg: only the cluster can say what becomes of it."""
        return any(seat.looks for seat in self.seats.values())

    def back_late(self) -> list[Seat]:
        """Seats that were requeued and may not start yet."""
        return [seat for seat in self.seats.values() if seat.is_back_late]

    def waits_again(self, job_id: str) -> bool:
        """Whether the job is back in the queue, as far as the cluster has said."""
        seat = self.seats.get(job_id)
        return seat is not None and seat.phase is JobPhase.QUEUED

    def has_gone_on(self, job_id: str) -> bool:
        """Whether the job had taken other legs before the one that it holds."""
        seat = self.seats.get(job_id)
        return seat is not None and seat.legs > 1

    def returned(self, job_id: str | None) -> None:
        """The leg of a former life was given back; the job itself lives on."""
        if job_id in self.seats:
            self.seats[job_id].trial_id = None

    def queued(self) -> list[Seat]:
        """Seats that wait for the cluster."""
        return [s for s in self.seats.values() if s.phase is JobPhase.QUEUED]

    def waits(self) -> dict[str, int]:
        """How many seats wait for what, in the cluster's own words; most first."""
        reasons = Counter(seat.status.reason or "not known yet" for seat in self.queued())
        return dict(reasons.most_common())

    def waits_in_words(self) -> dict[str, int]:
        """How many seats wait, by why; most first, those that nobody has explained as ""."""
        why = Counter(seat.status.why or seat.status.reason for seat in self.queued())
        return dict(why.most_common())

    def waits_by_reason(self) -> list[tuple[JobStatus, int]]:
        """For each reason in the cluster's word one of the seats, and how many wait; most first."""
        found: dict[str, list[JobStatus]] = {}
        for seat in self.queued():
            found.setdefault(seat.status.reason, []).append(seat.status)
        most_first = sorted(found.values(), key=len, reverse=True)
        return [(alike[0], len(alike)) for alike in most_first]

    def next_start(self, now: float) -> float | None:
        """When the cluster plans to start the first of those that wait (s, Unix)."""
        planned = (seat.status.starts_at for seat in self.queued())
        return min((at for at in planned if at is not None and at > now), default=None)

    def running(self) -> list[Seat]:
        """Seats that run, with a leg or still looking for one."""
        return [s for s in self.seats.values() if s.phase is JobPhase.RUNNING]

    def end_of(self, job_id: str) -> float | None:
        """When the job ended, as far as the cluster has told."""
        seat = self.seats.get(job_id)
        return None if seat is None else seat.ended_at

    def verdict_on(self, job_id: str) -> JobStatus | None:
        """What the cluster says of a job that was asked to leave; None: it still seems to run.

        Such a job is over, or waits again.
        """
        seat = self.seats.get(job_id)
        return None if seat is None or seat.phase is JobPhase.RUNNING else seat.status

    def loss_of(
        self, job_id: str, now: float, *, grace_s: float, vanish_s: float
    ) -> tuple[Cause, str] | None:
        """Why the leg that `job_id` holds is lost, or None while it may still be finished.

        A job that ended gets `grace_s` from then on for its result to become visible. A job that
        SLURM requeued (it waits again, after it held a leg) has lost that leg. A job that is merely
        no longer listed is given up after `vanish_s`: absence proves nothing.
        """
        seat = self.seats.get(job_id)
        if seat is None or not self.counted:
            return None
        if seat.phase is JobPhase.ENDED and seat.ended_at is not None:
            if now >= seat.ended_at + grace_s:
                return seat.status.cause, seat.status.detail or seat.status.cause.value
        elif seat.phase is JobPhase.QUEUED and seat.trial_id is not None:
            if seat.status.cause is Cause.NODE_FAILED:
                return Cause.NODE_FAILED, f"{seat.status.detail}; job {job_id} waits again"
            return Cause.PREEMPTED, f"job {job_id} waits in the queue again ({seat.status.reason})"
        elif seat.absent_since is not None and now >= seat.absent_since + vanish_s:
            return Cause.VANISHED, f"the cluster knows no job {job_id} any more"
        return None


_FOREIGN = JobStatus(
    JobPhase.ENDED,
    cause=Cause.VANISHED,
    detail="its job works for the folder that this one was copied from",
)


def _is_vain(seat: Seat) -> bool:
    return seat.phase is JobPhase.ENDED and seat.status.ok and seat.legs == 0


def _end_of(seat: Seat, told_at: float) -> float:
    """When the job ended, on the manager's clock; the cluster's may go wrong by minutes."""
    ended_at = told_at if seat.status.ended_at is None else seat.status.ended_at
    return min(max(ended_at, seat.seen_at, seat.claimed_at), told_at)


# A seat that dies of these before it takes a leg has a broken environment, not bad luck.
_OWN_FAULT = frozenset({Cause.KILLED, Cause.OUT_OF_MEMORY, Cause.TIME_LIMIT})
