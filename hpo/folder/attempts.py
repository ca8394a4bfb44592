"""What a leg came to, as JSON: written by the job, believed by the manager only after checks.

Owns the form of `trials/trial_N/result-a<attempt>.json` (what one attempt came to) and of
`results/trial_N.json` (the trial's standing result, the same form), and how the first becomes the
second: by one rename of a copy that lies ready, so that whoever is late finds nothing to rename.
The file's text is not trusted: anything that is not what a job writes reads as None.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hpo.folder import opening
from hpo.folder.files import AttemptFiles, Layout, is_writable, publish_json, read_json, read_plain
from hpo.folder.json_text import parse
from hpo.folder.offers import Leg
from hpo.folder.reports import bounded
from hpo.record.goal import Goal
from hpo.record.result import Result


class Account(NamedTuple):
    """All that a job tells of an attempt: its result, and what only people want to know.

    `info` has times (s; Unix where they name a moment) and what the job ran on.
    """

    leg: Leg
    result: Result
    config: Mapping[str, Any]
    goal: Goal
    reports: Sequence[Mapping[str, Any]]
    info: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """The whole result document."""
        told = self.result.to_json()
        told["additional_info"] = {**self.info, **told["additional_info"]}
        return document(self.leg, self.config, self.goal, self.reports, told)


class Fault(NamedTuple):
    """What is wrong with a result file; `lasting`: it lies there, and waiting does not mend it."""

    text: str
    lasting: bool


def files_of(layout: Layout, leg: Leg) -> AttemptFiles:
    """The files of the attempt that the leg is."""
    return AttemptFiles(layout.trial(leg.trial_id), leg.attempt)


def set_aside(layout: Layout, trial_id: int, attempt: int) -> None:
    """Give the trial's folder another name: `attempt` runs it again from the start.

    Done twice it does nothing: what lies under that name is never written over.

    Raises:
        OSError: it cannot be done now.
    """
    try:
        opening.rename(layout.trial(trial_id), layout.trial_before(trial_id, attempt))
    except FileNotFoundError:
        pass  # it has left no files
    except OSError as err:
        if err.errno not in (errno.EEXIST, errno.ENOTEMPTY):
            raise


def document(
    leg: Leg,
    config: Mapping[str, Any],
    goal: Goal,
    reports: Sequence[Mapping[str, Any]],
    told: Mapping[str, Any],
) -> dict[str, Any]:
    """The whole result document, in the order in which a person reads it.

    Of a very long history only a part; `reports-a<attempt>.jsonl` have all of it. `told` is what is
    known of the result, in the form of `Result.to_json`.
    """
    kept = bounded(reports)
    marks = {
        "early": told.get("early"),
        "goes_on": told.get("goes_on"),
        "reports_left_out": len(reports) - len(kept),
    }
    return {
        "trial_id": leg.trial_id,
        "status": told["status"],
        "error": told.get("error"),
        "metric": goal.metric,
        "mode": goal.mode,
        "config": dict(config),
        "resource": told["resource"],
        "rung": leg.rung,
        "attempt": leg.attempt,
        "job_id": leg.job_id,
        "cause": told.get("cause"),
        "message": told.get("message"),
        "traceback": told.get("traceback"),
        "additional_info": told["additional_info"],
        "reports": kept,
    } | {name: value for name, value in marks.items() if value}


def read_attempt(layout: Layout, leg: Leg) -> tuple[Result, dict[str, Any]] | None:
    """What the attempt came to; None for no news: missing, torn, or not written by a job."""
    found = read_json(files_of(layout, leg).result)
    if not isinstance(found, dict):
        return None
    result = Result.from_json(found)
    if result is None or not _is_of(leg, found) or not is_writable(found):
        return None
    return result, found


def fault_of_attempt(layout: Layout, leg: Leg) -> Fault:
    """Why `read_attempt` gives None; the file is where a job, or a stranger, wrote."""
    path = files_of(layout, leg).result
    try:
        found = parse(read_plain(path))
    except OSError as err:
        no_file_of_ours = err.errno in (errno.ELOOP, errno.EINVAL, errno.EISDIR, errno.EFBIG)
        return Fault(f"{path} {err.strerror or err}", lasting=no_file_of_ours)
    except ValueError as err:
        return Fault(f"{path} is no JSON ({err})", lasting=True)
    if isinstance(found, dict) and not _is_of(leg, found):
        return Fault(f"{path} is that of another trial, attempt or job", lasting=True)
    return Fault(f"{path} is not what a job writes", lasting=True)


def _is_of(leg: Leg, found: Mapping[str, Any]) -> bool:
    same = (found.get("trial_id"), found.get("rung"), found.get("attempt"), found.get("job_id"))
    return same == (leg.trial_id, leg.rung, leg.attempt, leg.job_id)


def read_begun(layout: Layout, leg: Leg) -> dict[str, Any]:
    """What the job wrote when it began the attempt, unchecked; empty where it did not."""
    found = read_json(files_of(layout, leg).begun)
    return found if isinstance(found, dict) and found.get("job_id") == leg.job_id else {}


def forget_begun(layout: Layout, leg: Leg) -> None:
    """Remove what the job wrote when it began: its result tells it, and quotas count files."""
    with contextlib.suppress(OSError):
        opening.remove(files_of(layout, leg).begun)


def publish_prepared(layout: Layout, leg: Leg) -> bool:
    """Make the prepared result the standing one; False: it is published, or there is none.

    The manager does it before it lets a next attempt begin: a job that was held up between its
    claim's end and this step would otherwise put its result over that of a later attempt.
    """
    try:
        opening.rename(files_of(layout, leg).ready, layout.result(leg.trial_id))
    except FileNotFoundError:
        return False
    return True


def discard_prepared(layout: Layout, leg: Leg) -> None:
    """The attempt is void: its result will never stand."""
    opening.remove(files_of(layout, leg).ready)


def publish_standing(layout: Layout, result: Mapping[str, Any]) -> None:
    """Make `result` the trial's standing one, for people and pandas."""
    path = layout.result(int(result["trial_id"]))
    opening.make_folder(path.parent)  # because somebody may have removed it
    publish_json(path, result)
