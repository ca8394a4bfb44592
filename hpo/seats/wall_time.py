"""How long a seat may go on: until its job is asked to leave.

Owns the variables in which a job's script says when that is, because only newer SLURMs tell a job
its end. Reads and changes the environment and nothing else; standard library only.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, MutableMapping

from hpo.units.sizes import warning_s

LEAVE_AT = "HPO_LEAVE_AT"  # s, Unix: when the job's time is nearly over, and it will be warned
LIMIT_MIN = "HPO_LIMIT_MIN"  # the time limit with which it was submitted
_END = "SLURM_JOB_END_TIME"


def export_lines(minutes: int) -> list[str]:
    """The lines of a job's script that say when a job of so many minutes will be asked to leave.

    What SLURM itself says of the end counts first: an administrator may have moved it.
    """
    end = f"${{{_END}:-$(( $(date +%s) + {60 * minutes} ))}}"
    return [
        f"export {LIMIT_MIN}={minutes}",
        f"export {LEAVE_AT}=$(( {end} - {warning_s(minutes)} ))",
    ]


def leave_at(environ: Mapping[str, str] = os.environ) -> float | None:
    """When this job will be asked to leave (s, Unix); None: nobody says, or it has no end."""
    try:
        return float(environ[LEAVE_AT])
    except (KeyError, ValueError):
        return None


def shorten(environ: MutableMapping[str, str], minutes: int) -> None:
    """Let the job's environment say what it would of a limit of `minutes`, which is a lower one."""
    with contextlib.suppress(KeyError, ValueError):
        limit_min = int(environ[LIMIT_MIN])
        start = float(environ[LEAVE_AT]) + warning_s(limit_min) - 60 * limit_min
        # Told when the job started, and so after its limit was lowered.
        end = float(environ[_END]) if _END in environ else start + 60 * min(minutes, limit_min)
        environ[LEAVE_AT] = f"{end - warning_s(minutes):.0f}"


def early_s(minutes: int, environ: Mapping[str, str] = os.environ) -> int:
    """How much too early the warning comes in a job whose limit is `minutes` by now.

    SLURM keeps to what was asked for with the limit that the job was submitted with.
    """
    try:
        return max(0, warning_s(int(environ[LIMIT_MIN])) - warning_s(minutes)) if minutes else 0
    except (KeyError, ValueError):
        return 0
