"""How long a trial may report nothing before it is taken as hanging. Pure.

What is "much too long" is learned from what reported: of the trial itself, and of the campaign. The
first epoch of a trial also reads its data and compiles, so that more is allowed for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

AUTO, NEVER = "auto", "never"  # beside a number of seconds
LEAST_S = 600.0  # that are always allowed where the time is learned
TIMES = 5.0  # the longest silence that is known, of the trial or of others
FIRST_LEAST_S = 1800.0  # before a trial's first report
FIRST_TIMES = 20.0  # what others needed at most, their first report included
UNKNOWN_S = 12 * 3600.0  # before anything has reported: one epoch may be that long
# Where the processes of the trial still compute. Code that returns its value may report once a day.
BUSY_TIMES = 6.0
LEAVING_LEAST_S = 60.0  # after `hpo stop --now`, where it is known how long epochs take
LEAVING_TIMES = 3.0
LEAVING_UNKNOWN_S = 600.0


@dataclass(frozen=True, slots=True)
class Known:
    """The longest times without a report (s); None: nothing has reported yet.

    `own` is that of the attempt itself, `others` what legs of the campaign usually need at most.
    """

    own: float | None = None
    others: float | None = None

    @property
    def longest(self) -> float | None:
        """Of both."""
        known = [value for value in (self.own, self.others) if value is not None]
        return max(known, default=None)


def allowed_s(hang_after: float | str, known: Known, *, busy: bool = False) -> float:
    """How long (s) the trial may be silent, as `hang_after` says: so many seconds, or learned."""
    if not isinstance(hang_after, str):
        return float(hang_after)
    if known.longest is None:
        allowed = UNKNOWN_S
    elif known.own is None:
        allowed = max(FIRST_LEAST_S, FIRST_TIMES * known.longest)
    else:
        allowed = max(LEAST_S, TIMES * known.longest)
    return allowed * (BUSY_TIMES if busy else 1.0)


def allowed_leaving_s(known: Known) -> float:
    """How long (s) after everything was asked to save and leave."""
    if known.longest is None:
        return LEAVING_UNKNOWN_S
    return max(LEAVING_LEAST_S, LEAVING_TIMES * known.longest)


def longest_silence_s(times: list[float], start: float, end: float) -> float:
    """The longest time without a report in a leg from `start` to `end` (s, Unix)."""
    moments = [start, *sorted(t for t in times if start <= t <= end), max(start, end)]
    return max(b - a for a, b in pairwise(moments))
