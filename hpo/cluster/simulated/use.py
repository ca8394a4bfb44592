"""What the seats of a simulated cluster were used for. Only counts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hpo.cluster.simulated.jobs import RunningLeg, SimulatedJob


@dataclass(slots=True)
class SeatUse:
    """Seat time, legs and jobs so far; times in s, virtual.

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
