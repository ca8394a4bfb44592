"""How long a seat may go on: until its job is asked to leave.

Owns the variables in which a job's script says when that is, because only newer SLURMs tell a job
its end, and the value that they are read into, once: from then on a job counts by a clock that
nobody sets. Pure: it reads what it is given.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from hpo.units.sizes import limit_s, warning_s

LEAVE_AT = "HPO_LEAVE_AT"  # s, Unix: when the job's time is nearly over, and it will be warned
LIMIT_MIN = "HPO_LIMIT_MIN"  # the time limit with which it was submitted
SEAT_MIN = "HPO_SEAT_MIN"  # the time limit that its seat was asked for with
TRY = "HPO_START_TRY"  # of a start that is tried again: which try it is
_END = "SLURM_JOB_END_TIME"


def export_lines(minutes: int) -> list[str]:
    """The lines of a job's script that say when a job of so many minutes will be asked to leave.

    What SLURM itself says of the end counts first: an administrator may have moved it. A start that
    is tried again keeps what its first try found.
    """
    end = f"${{{_END}:-$(( $(date +%s) + {60 * minutes} ))}}"
    return [
        f"export {LIMIT_MIN}={minutes}",
        f'[ -n "${{{TRY}-}}" ] || export {LEAVE_AT}=$(( {end} - {warning_s(minutes)} ))',
    ]


class JobTime(NamedTuple):
    """What a job knows of its time: read once, when it starts.

    Attributes:
        asked_min: the time limit that its seat was asked for with, or was lowered to while it
            waited (min); a partition or a maintenance may have cut it. None: nobody says.
        limit_min: the time limit with which it was submitted (min); None: nobody says.
        leave_at: when it will be asked to leave (s, by the job's clock); None: nobody says, or it
            has no end.
        end_at: its end (s, by the job's clock); None: SLURM does not tell it.
    """

    asked_min: int | None = None
    limit_min: int | None = None
    leave_at: float | None = None
    end_at: float | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str], *, on_slurm: bool, ahead_s: float = 0.0) -> JobTime:
        """What the job's own script says; SLURM tells a job's limit only in some versions.

        The wall clock, which the script went by, is `ahead_s` ahead of the job's now.
        """
        asked_min = _minutes(environ, SEAT_MIN) if on_slurm else None
        limit_min = _minutes(environ, LIMIT_MIN)
        leave_at, end_at = (_moment(environ, name, ahead_s) for name in (LEAVE_AT, _END))
        return cls(asked_min, limit_min, leave_at, end_at)

    @property
    def early_s(self) -> int:
        """How much too early the warning comes, where the limit was lowered.

        SLURM keeps to what was asked for with the limit that the job was submitted with.
        """
        if self.asked_min is None or self.limit_min is None:
            return 0
        return max(0, warning_s(self.limit_min) - warning_s(self.asked_min))

    def changed_to(self, minutes: int) -> JobTime:
        """The same with a limit of `minutes`; a longer one is no more than what the job has."""
        if self.leave_at is None or self.limit_min is None:
            return self._replace(asked_min=minutes)
        # What SLURM tells, it told when the job started, and so after its limit was lowered.
        end_at = self.end_at
        if end_at is None:
            start = self.leave_at + warning_s(self.limit_min) - 60 * self.limit_min
            is_longer = self.asked_min is not None and minutes > self.asked_min
            end_at = start + 60 * (minutes if is_longer else min(minutes, self.limit_min))
        return self._replace(asked_min=minutes, leave_at=end_at - warning_s(minutes))

    def had_s(self, now: float) -> int | None:
        """The time that a leg which begins now has (s), in whole minutes; None: any."""
        if self.asked_min is None or self.leave_at is None:
            return limit_s(self.asked_min)
        asked_s = 60 * self.asked_min
        minutes = math.ceil((self.leave_at + warning_s(self.asked_min) - now) / 60.0)
        return max(60, min(asked_s, 60 * minutes))


def _minutes(environ: Mapping[str, str], name: str) -> int | None:
    try:
        return max(0, int(environ.get(name, "0"))) or None
    except ValueError:
        return None


def _moment(environ: Mapping[str, str], name: str, ahead_s: float) -> float | None:
    try:
        return float(environ[name]) - ahead_s
    except (KeyError, ValueError):
        return None
