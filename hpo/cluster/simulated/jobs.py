"""The queue of a simulated cluster: who waits, who may start, who runs.

Owns the limits: the cluster's room and the `%` of each array. A step costs the logarithm of the
number of waiting jobs, never a look at all of them. Counts what the seats were used for. Knows no
time and no files.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hpo.folder.offers import Leg
from hpo.seats.book import JobPhase, JobStatus
from hpo.seats.stay import Stay, first_leg_s
from hpo.units.sizes import DEFAULT_SIZE, Size, limit_s


@dataclass(slots=True, eq=False)
class RunningLeg:
    """A leg that a job trains: from `begin` on, an epoch every `epoch_s`; times in s."""

    claim: Leg
    offer: Mapping[str, Any]
    claimed_at: float
    begin: float
    epoch_s: float
    epochs: int  # to its target

    @property
    def end(self) -> float:
        """When it gets to its target."""
        return self.begin + self.epochs * self.epoch_s

    def done_by(self, now: float) -> int:
        """Epochs that are over at `now`."""
        if now <= self.begin:
            return 0
        return min(self.epochs, math.floor((now - self.begin) / self.epoch_s + 1e-9))


@dataclass(slots=True, eq=False)
class SimulatedJob:
    """One job, and what it does in its present life."""

    array: int
    number: int
    at_once: int  # of its array
    size: Size = DEFAULT_SIZE  # without memory: the model's; without time: no limit
    phase: JobPhase = JobPhase.QUEUED
    eligible_at: float = 0.0
    lives: int = 0
    status: JobStatus = field(default_factory=lambda: JobStatus(JobPhase.QUEUED))
    started_at: float = 0.0
    leg: RunningLeg | None = None
    bound: tuple[Leg, Mapping[str, Any]] | None = None  # taken when it was submitted
    stay: Stay = field(default_factory=lambda: Stay(legs_left=None))  # in this life
    last_trial: int | None = None
    leaving: bool = False  # it was signalled, and starts nothing more

    @property
    def job_id(self) -> str:
        """As SLURM names the task of an array."""
        return f"{self.array}_{self.number}"

    def time_s(self, now: float) -> int | None:
        """How long a leg that it takes now may be (s); None: the job does not look at that.

        The first one may take what such a seat has, later ones what is left.
        """
        return self.stay.time_s(now) if self.stay.legs else first_leg_s(self.size.time_min)

    def had(self) -> dict[str, int]:
        """What it tells of itself in the files of an attempt: memory (MB) and time (s)."""
        had = {"mem_had_mb": self.size.mem_mb, "time_had_s": limit_s(self.size.time_min)}
        return {name: value for name, value in had.items() if value is not None}

    def resize(self, size: Size) -> None:
        """While it waits, it asks for so much from now on."""
        self.size = size
        self.status = replace(self.status, size=size)

    def in_phase(self, phase: JobPhase, *, reason: str = "", node: str = "") -> JobStatus:
        """What the cluster tells of it."""
        return JobStatus(phase, reason=reason, node=node, size=self.size)


class SeatQueue:
    """Which jobs are due, and which of them the limits let start."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._due: list[tuple[float, int, int, SimulatedJob]] = []
        # By array: jobs that are due and wait for another job of the array to end.
        self._held: dict[int, list[tuple[float, int, int, SimulatedJob]]] = {}
        self._running: dict[int, int] = {}
        self.running = 0

    def arrive(self, job: SimulatedJob) -> None:
        """The job has waited long enough."""
        heapq.heappush(self._due, (job.eligible_at, job.array, job.number, job))

    def next(self) -> SimulatedJob | None:
        """The next job that starts now, counted as running from here on; None: none may."""
        while self._due and self.running < self._room:
            entry = heapq.heappop(self._due)
            eligible_at, array, _, job = entry
            if job.phase is not JobPhase.QUEUED or job.eligible_at != eligible_at:
                continue  # cancelled
            if self._running.get(array, 0) >= job.at_once:
                heapq.heappush(self._held.setdefault(array, []), entry)
                continue
            self._running[array] = self._running.get(array, 0) + 1
            self.running += 1
            return job
        return None

    def leave(self, job: SimulatedJob) -> None:
        """A job that ran gives its place back."""
        self.running -= 1
        self._running[job.array] -= 1
        self.release(job.array, 1)

    def release(self, array: int, count: int) -> None:
        """Look again at `count` jobs that the array's own limit held back."""
        held = self._held.get(array, [])
        while held and count:
            entry = heapq.heappop(held)
            if entry[3].phase is JobPhase.QUEUED:
                heapq.heappush(self._due, entry)
                count -= 1


@dataclass(slots=True)
class SeatUse:
    """What the seats were used for: time, legs and jobs so far; times in s, virtual.

    Attributes:
        legs_run: (trial, attempt) of each leg that was trained.
        busy_s: seat time spent on legs.
        held_s: seat time of lives that are over, from their starts to their ends.
        started: lives of jobs.
        first_start: of a job; infinite before.
        last_end: of a leg.
    """

    legs_run: list[tuple[int, int]] = field(default_factory=list)
    busy_s: float = 0.0
    held_s: float = 0.0
    started: int = 0
    first_start: float = math.inf
    last_end: float = 0.0

    def starts(self, now: float) -> None:
        """A life of a job began."""
        self.started += 1
        self.first_start = min(self.first_start, now)

    def spent(self, leg: RunningLeg, now: float) -> None:
        """A leg is over, whatever came of it."""
        self.busy_s += now - leg.claimed_at

    def trained(self, leg: RunningLeg, now: float) -> None:
        """It has a result."""
        self.legs_run.append((leg.claim.trial_id, leg.claim.attempt))
        self.last_end = now

    def left(self, job: SimulatedJob, now: float) -> None:
        """A life of a job is over."""
        self.held_s += now - job.started_at
