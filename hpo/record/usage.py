"""What seats asked for, what their legs used of it, and what was lost: time and memory.

Memory is in MB, times are in s. What is kept does not grow with the campaign.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hpo.record.causes import Cause
from hpo.record.events import LegFinished, LegLost, LegReturned
from hpo.record.result import Outcome
from hpo.units.sizes import mem_class

MEASURED = 5  # legs without which no less memory is asked for
MEM_MARGIN = 1.3  # on top of the most that any leg used
REMEMBERED = 4096  # jobs of which a further leg is not counted as a further request


@dataclass(slots=True)
class Usage:
    """Sums over the legs of a campaign, finished or lost."""

    measured: int = 0  # legs that did not fail and whose memory is known
    most_mb: int = 0  # that one of them used
    first_mb: int = 0  # that one of the first MEASURED used: all seats have more than that
    too_little_mb: int = 0  # the most that a leg had which was killed for its memory
    had_mb: int = 0  # the most that a seat had
    had_s: int = 0  # likewise
    longest_s: float = 0.0  # of the legs that ended by themselves, and did not fail
    outlasted_s: int = 0  # the most that a leg had which did not end within it
    asked_s: float = 0.0  # by all seats together
    gpu_seconds: float = 0.0  # of legs whose use of the GPU is known
    gpu_used_seconds: float = 0.0  # the same, each by the share that was used
    gpu_most_mb: int | None = None  # that one of them took of a GPU
    gpu_had_mb: int | None = None  # all of that GPU
    _jobs: dict[str, None] = field(default_factory=dict, repr=False)  # oldest first

    def add(self, event: LegFinished | LegLost) -> None:
        """Count a leg that ended."""
        told = event if isinstance(event, LegLost) else event.result
        self.had_mb = max(self.had_mb, told.mem_had_mb)
        self.had_s = max(self.had_s, told.time_had_s)
        if told.time_had_s and event.job_id not in self._jobs:
            self.asked_s += told.time_had_s
            self._jobs[event.job_id] = None
            if len(self._jobs) > REMEMBERED:
                del self._jobs[next(iter(self._jobs))]
        if told.cause == Cause.OUT_OF_MEMORY:
            self.too_little_mb = max(self.too_little_mb, told.mem_had_mb)
        if isinstance(told, LegLost):
            if told.cause == Cause.TIME_LIMIT:
                self.outlasted_s = max(self.outlasted_s, told.time_had_s)
            return
        if told.gpu_use is not None:
            self.gpu_seconds += told.elapsed
            self.gpu_used_seconds += told.elapsed * told.gpu_use / 100
        if told.gpu_mem_mb is not None and told.gpu_mem_mb >= (self.gpu_most_mb or 0):
            self.gpu_most_mb, self.gpu_had_mb = told.gpu_mem_mb, told.gpu_mem_had_mb
        if told.outcome is Outcome.FAILED:
            return  # it tells nothing of what one needs that succeeds
        self.longest_s = max(self.longest_s, told.elapsed)
        if told.mem_used_mb:
            self.measured += 1
            self.most_mb = max(self.most_mb, told.mem_used_mb)
            if self.measured <= MEASURED:
                self.first_mb = self.most_mb

    @property
    def gpu_use(self) -> float | None:
        """Mean use of the GPUs (%) over the time of all legs that told; None: none did."""
        return 100 * self.gpu_used_seconds / self.gpu_seconds if self.gpu_seconds else None

    @property
    def is_known(self) -> bool:
        """Whether enough legs have told what they used."""
        return self.measured >= MEASURED

    def usual_mb(self, max_mb: int) -> int:
        """What new seats should have, at most `max_mb`, which is also right while nothing is known.

        It never falls, so that no seat is ever too small for what was measured before it.
        """
        return self._with_margin(self.most_mb, max_mb)

    def least_mb(self, max_mb: int) -> int:
        """What each seat of the campaign has at least."""
        return self._with_margin(self.first_mb, max_mb)

    def _with_margin(self, used_mb: int, max_mb: int) -> int:
        return min(asking_mb(used_mb), max_mb) if self.is_known else max_mb


def asking_mb(used_mb: int) -> int:
    """The memory to ask for where `used_mb` was seen to be used."""
    return mem_class(MEM_MARGIN * used_mb)


@dataclass(slots=True)
class LostWork:
    """Legs lost, the seat time (s) to be spent again, and the resource to be trained again.

    Work that a leg saved, or that a job which was asked to leave saved before it went, is not lost.
    """

    legs: int = 0
    seconds: float = 0.0
    resource: int = 0

    def add(self, event: LegLost | LegReturned) -> None:
        """Count one lost leg."""
        self.legs += 1
        self.seconds += event.lost_s
        self.resource += event.lost_resource
