"""What a leg came to, as JSON: written by the job, believed by the manager only after checks.

Owns the form of `trials/trial_N/result-a<attempt>.json` (what one attempt came to) and of
`results/trial_N.json` (the trial's standing result, the same form), and how the first becomes the
second: by one rename of a copy that lies ready, so that whoever is late finds nothing to rename.
The file's text is not trusted: anything that is not what a job writes reads as None.
"""

from __future__ import annotations

import errno
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.folder.files import Layout, is_writable, publish_json, read_json, read_plain
from hpo.folder.offers import Leg
from hpo.folder.reports import bounded

OUTCOMES = {
    "completed": "completed",
    "paused": "completed",  # the leg was, the trial may go on
    "failed": "failed",
    "interrupted": "interrupted",
}
MOST_RESOURCE = 2**53  # beyond it no reader of JSON is bound to keep a whole number
MESSAGE_LENGTH = 4_000  # characters that the journal takes over; a job writes about half of it

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class LegResult:
    """The part of a result that the manager decides by; `error` is None where not finite.

    `goes_on`: the job means to take another leg. Memory in MB, time in s; 0: nobody said so.
    """

    outcome: str
    error: float | None
    resource: int
    elapsed: float
    ended_at: float
    cause: str | None
    message: str | None
    node: str = ""
    goes_on: bool = False
    mem_used_mb: int = 0
    mem_had_mb: int = 0
    time_had_s: int = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a result file; `lasting`: it lies there, and waiting does not mend it."""

    text: str
    lasting: bool


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
    goes_on: bool = False,
) -> dict[str, Any]:
    """The whole result document, in the order in which a person reads it.

    Of a very long history only a part; `reports-a<attempt>.jsonl` have all of it.
    """
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
        "reports": (kept := bounded(history)),
    } | {
        name: value
        for name, value in (("reports_left_out", len(history) - len(kept)), ("goes_on", goes_on))
        if value
    }


def read_attempt(layout: Layout, leg: Leg) -> tuple[LegResult, dict[str, Any]] | None:
    """What the attempt came to; None for no news: missing, torn, or not written by a job."""
    found = read_json(attempt_path(layout, leg))
    if not isinstance(found, dict):
        return None
    result = _checked(found)
    if result is None or not _is_of(leg, found) or not is_writable(found):
        return None
    return result, found


def fault_of_attempt(layout: Layout, leg: Leg) -> Fault:
    """Why `read_attempt` gives None; the file is where a job, or a stranger, wrote."""
    path = attempt_path(layout, leg)
    try:
        found = json.loads(read_plain(path))
    except OSError as err:
        no_file_of_ours = err.errno in (errno.ELOOP, errno.EINVAL, errno.EISDIR, errno.EFBIG)
        return Fault(f"{path} {err.strerror or err}", lasting=no_file_of_ours)
    except (ValueError, RecursionError):
        return Fault(f"{path} is no JSON", lasting=True)
    if isinstance(found, dict) and not _is_of(leg, found):
        return Fault(f"{path} is that of another trial, attempt or job", lasting=True)
    return Fault(f"{path} is not what a job writes", lasting=True)


def _is_of(leg: Leg, found: Mapping[str, Any]) -> bool:
    same = (found.get("trial_id"), found.get("rung"), found.get("attempt"), found.get("job_id"))
    return same == (leg.trial_id, leg.rung, leg.attempt, leg.job_id)


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
        or not 0 <= resource <= MOST_RESOURCE
        or not all(isinstance(text, (str, type(None))) for text in (cause, message))
        or not _is_finite(info.get("leg_time"))
        or not _is_finite(info.get("end_time"))
    ):
        return None
    return LegResult(
        outcome=OUTCOMES[status],
        error=None if error is None else float(error),
        resource=resource,
        elapsed=max(0.0, float(info["leg_time"])),  # because clocks are set back at times
        ended_at=float(info["end_time"]),
        cause=None if cause is None else cause[:MESSAGE_LENGTH],
        message=None if message is None else message[:MESSAGE_LENGTH],
        node=node_name(info.get("host")),
        mem_used_mb=_amount(info.get("max_rss_mb")),
        mem_had_mb=_amount(info.get("mem_had_mb")),
        time_had_s=_amount(info.get("time_had_s")),
        goes_on=found.get("goes_on") is True,
    )


def read_node(layout: Layout, leg: Leg) -> str:
    """The node on which a job began the attempt; empty where it did not say so."""
    found = read_json(layout.trial(leg.trial_id) / f"attempt-a{leg.attempt}.json")
    if not isinstance(found, dict) or found.get("job_id") != leg.job_id:
        return ""
    return node_name(found.get("host"))


def read_had(layout: Layout, leg: Leg) -> tuple[int, int]:
    """Memory (MB) and time (s) that the job had for the attempt; 0 where it did not say so."""
    found = read_json(layout.trial(leg.trial_id) / f"attempt-a{leg.attempt}.json")
    if not isinstance(found, dict) or found.get("job_id") != leg.job_id:
        return 0, 0
    return _amount(found.get("mem_had_mb")), _amount(found.get("time_had_s"))


def _amount(value: object) -> int:
    """A number of megabytes or seconds, where it may be one; else 0."""
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return value if 0 <= value < 2**31 else 0


def node_name(text: object) -> str:
    """`text` where a host may be called so, else nothing: it goes into commands and logs."""
    return text if isinstance(text, str) and _NODE.fullmatch(text) else ""


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
    path = layout.result(int(result["trial_id"]))
    path.parent.mkdir(exist_ok=True)  # because somebody may have removed it
    publish_json(path, result)
