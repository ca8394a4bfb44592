"""How long a seat may go on: until its job is asked to leave.

Owns the variable in which a job's script says when that is, because only newer SLURMs tell a job
its end. Reads the environment and nothing else; standard library only.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

LEAVE_AT = "HPO_LEAVE_AT"  # s, Unix: when the job's time is nearly over, and it will be warned


def export_line(minutes: int, warning_s: int) -> str:
    """The line of a job's script that says when a job of so many minutes will be asked to leave.

    What SLURM itself says of the end counts first: an administrator may have moved it.
    """
    end = f"${{SLURM_JOB_END_TIME:-$(( $(date +%s) + {60 * minutes} ))}}"
    return f"export {LEAVE_AT}=$(( {end} - {warning_s} ))"


def leave_at(environ: Mapping[str, str] = os.environ) -> float | None:
    """When this job will be asked to leave (s, Unix); None: nobody says, or it has no end."""
    try:
        return float(environ[LEAVE_AT])
    except (KeyError, ValueError):
        return None
