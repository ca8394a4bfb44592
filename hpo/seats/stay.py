"""How long a seat stays: which leg is its last.

Owns the rules: as many legs as `trials_per_job` says, none after failures in a row, none that its
wall time has no room for. Jobs and the simulator stay by it alike. Decides only; imports nothing
slow, because every job imports it.
"""

from __future__ import annotations

from dataclasses import dataclass

from hpo.record.result import Outcome
from hpo.units.sizes import usable_s

FAILURES = 3  # in a row: here or in the objective something is wrong, and offers are not to burn


def first_leg_s(time_min: int | None) -> int | None:
    """How long the first leg of a seat may take (s) that asked for so many minutes; None: any time.

    Not less where the limit was cut: a leg that needs more than is left before a maintenance is
    begun all the same, and goes on after it.
    """
    return None if time_min is None else usable_s(time_min)


@dataclass(slots=True)
class Stay:
    """What one seat has done, and may still do.

    Attributes:
        legs_left: beside the one it has taken last; None: as many as its time allows.
        leave_at: when its job will be asked to leave (s, by its own steady clock); None: never.
        failed: legs in a row that failed.
        legs: that it has taken.
        shortest_s: of the legs that it finished (s); None: it has finished none.
        over: why it takes no other leg; None: it may.
    """

    legs_left: int | None
    leave_at: float | None = None
    failed: int = 0
    legs: int = 0
    shortest_s: float | None = None
    over: str | None = None

    @classmethod
    def of(cls, trials_per_job: int | str, leave_at: float | None) -> Stay:
        """The stay of a seat that has taken no leg yet."""
        return cls(trials_per_job if isinstance(trials_per_job, int) else None, leave_at)

    def took(self) -> None:
        """The seat took a leg."""
        self.legs += 1
        self.legs_left = None if self.legs_left is None else self.legs_left - 1

    def ended(self, outcome: Outcome, seconds: float, now: float) -> None:
        """The leg that it took last ended so, after so many seconds."""
        self.over = self.why_last(outcome, now)
        self.failed = self.failed + 1 if outcome is Outcome.FAILED else 0
        known = seconds if self.shortest_s is None else self.shortest_s
        self.shortest_s = min(known, seconds)

    def why_last(self, outcome: Outcome, now: float) -> str | None:
        """Why no leg follows the one that ends so now; None: one may."""
        if self.legs_left == 0:
            return "it took as many trials as trials_per_job allows"
        if outcome is Outcome.INTERRUPTED:
            return "it was asked to leave"
        if outcome is Outcome.FAILED and self.failed + 1 >= FAILURES:
            return f"{FAILURES} of its trials failed in a row"
        return self.why_no_time(now)

    def why_no_time(self, now: float) -> str | None:
        """Why no leg can be begun now that would end in time; None: one may."""
        left_s = self.left_s(now)
        # Legs whose need is known are chosen by it; of others, what they took here is all there is.
        if left_s is not None and left_s < max(1.0, self.shortest_s or 0.0):
            return f"its time is nearly over ({left_s:.0f} s left)"
        return None

    def time_s(self, now: float) -> int | None:
        """The same in whole seconds, as offers tell what they need."""
        left_s = self.left_s(now)
        return None if left_s is None else max(1, int(left_s))

    def left_s(self, now: float) -> float | None:
        """Seconds until the job is asked to leave; None: no end is known."""
        return None if self.leave_at is None else max(0.0, self.leave_at - now)
