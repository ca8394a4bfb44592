"""What a leg came to, as JSON: written by the job, believed by the manager only after checks.

Owns the form of `trials/trial_N/result-a<attempt>.json` (what one attempt came to) and of
`results/trial_N.json` (the trial's standing result, the same form), and how the first becomes the
second: by one rename of a copy that lies ready, so that whoever is late finds nothing to rename.
The file's text is not trusted: anything that is not what a job writes reads as None.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.files import Layout, publish_json, read_json
from hpo.offers import Leg

OUTCOMES = {
    "completed": "completed",
    "paused": "completed",  # the leg was, the trial may go on
    "failed": "failed",
    "interrupted": "interrupted",
}


@dataclass(frozen=True, slots=True)
class LegResult:
    """The part of a result that the manager decides by; `error` is None where not finite."""

    outcome: str
    error: float | None
    resource: int
    elapsed: float
    ended_at: float
    cause: str | None
    message: str | None


def attempt_path(layout: Layout, leg: Leg) -> Path:
    """Where the job writes what an attempt came to."""
    return layout.trial(leg.trial_id) / f"result-a{leg.attempt}.json"


def document(
    *,
    trial_id: int,
    status: str,
    config: Mapping[str, Any],
    metric: str,
    mode: str,
    history: Sequence[Mapping[str, Any]],
    error: float | None,
    resource: int,
    rung: int,
    attempt: int,
    job_id: str | None,
    additional_info: Mapping[str, Any],
    cause: str | None = None,
    message: str | None = None,
    traceback: str | None = None,
) -> dict[str, Any]:
    """The whole result document, in the order in which a person reads it."""
    return {
        "trial_id": trial_id,
        "status": status,
        "error": error,
        "metric": metric,
        "mode": mode,
        "config": dict(config),
        "resource": resource,
        "rung": rung,
        "attempt": attempt,
        "job_id": job_id,
        "cause": cause,
        "message": message,
        "traceback": traceback,
        "additional_info": dict(additional_info),
        "reports": [dict(report) for report in history],
    }


def read_attempt(layout: Layout, leg: Leg) -> tuple[LegResult, dict[str, Any]] | None:
    """What the attempt came to; None for no news: missing, torn, or not written by a job."""
    found = read_json(attempt_path(layout, leg))
    if not isinstance(found, dict):
        return None
    result = _checked(found)
    same = (found.get("trial_id"), found.get("rung"), found.get("attempt"), found.get("job_id"))
    if result is None or same != (leg.trial_id, leg.rung, leg.attempt, leg.job_id):
        return None
    return result, found


def _checked(found: Mapping[str, Any]) -> LegResult | None:
    error, info = found.get("error"), found.get("additional_info")
    cause, message = found.get("cause"), found.get("message")
    status, resource = found.get("status"), found.get("resource")
    if (
        not isinstance(status, str)
        or status not in OUTCOMES
        or not isinstance(info, dict)
        or not (error is None or _is_finite(error))
        or not isinstance(resource, int)
        or isinstance(resource, bool)
        or not all(isinstance(text, (str, type(None))) for text in (cause, message))
        or not _is_finite(info.get("leg_time"))
        or not _is_finite(info.get("end_time"))
    ):
        return None
    return LegResult(
        outcome=OUTCOMES[status],
        error=None if error is None else float(error),
        resource=resource,
        elapsed=float(info["leg_time"]),
        ended_at=float(info["end_time"]),
        cause=cause,
        message=message,
    )


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= sys.float_info.max  # math.isfinite raises for integers beyond that


def prepare(layout: Layout, leg: Leg, result: Mapping[str, Any]) -> None:
    """Lay ready what will stand as the trial's result once the claim is done."""
    publish_json(_ready(layout, leg), result)


def publish_prepared(layout: Layout, leg: Leg) -> bool:
    """Make the prepared result the standing one; False: it is published, or there is none.

    The manager does it before it lets a next attempt begin: a job that was held up between its
    claim's end and this step would otherwise put its result over that of a later attempt.
    """
    try:
        _ready(layout, leg).replace(layout.result(leg.trial_id))
    except FileNotFoundError:
        return False
    return True


def discard_prepared(layout: Layout, leg: Leg) -> None:
    """The attempt is void: its result will never stand."""
    _ready(layout, leg).unlink(missing_ok=True)


def _ready(layout: Layout, leg: Leg) -> Path:
    return layout.trial(leg.trial_id) / f"standing-a{leg.attempt}.json"


def publish_standing(layout: Layout, result: Mapping[str, Any]) -> None:
    """Make `result` the trial's standing one, for people and pandas."""
    publish_json(layout.result(int(result["trial_id"])), result)
