"""What a leg came to: how its objective ended, in words, and the document that tells it.

Owns what each exception of users' code means and how much of its text is kept, how long a trial has
trained over all its attempts, and what is written about a leg whose own process cannot tell any
more. Writes nothing; `folder.attempts` owns the document's form.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hpo.folder import attempts, offers
from hpo.folder.files import Layout, is_writable, read_json, read_plain
from hpo.folder.patience import StorageTrouble, is_storage_trouble
from hpo.folder.reports import read_reports
from hpo.record.causes import Cause
from hpo.trial.killed_errors import looks_killed
from hpo.trial.memory_errors import cause_and_message
from hpo.trial.objective import call
from hpo.trial.trial import Trial, TrialInterrupted

if TYPE_CHECKING:
    from hpo.job.leg import LegSettings, Surroundings

log = logging.getLogger(__name__)

MESSAGE_LENGTH = 2_000  # characters of an exception's text that a result keeps
TRACE_LENGTH = 20_000
_NO_SUCH_FILE = os.strerror(errno.ENOENT)
ON_ITS_WAY_S = 5.0  # from a process that SLURM's signal ended to the job's own signal, at most


def train(
    trial: Trial,
    load: Callable[[], Callable[..., Any]],
    *,
    metric: str,
    resource_attr: str,
    is_asked: Callable[[float], bool] = lambda _within_s: False,
) -> dict[str, Any]:
    """Call the objective; how it ended: status, and for a failure its cause, message and traceback.

    Where its job was asked to leave, every end before the trial's is an interruption: SLURM signals
    all processes of a job, and users' code may end before a report can notice.

    Args:
        trial: what is trained.
        load: gives the objective.
        metric: by this name.
        resource_attr: and this.
        is_asked: whether the job was asked to leave, or is within so many seconds.

    Raises:
        StorageTrouble: it could not write; the leg has to be run again.
    """
    try:
        call(load(), trial)
    except TrialInterrupted as left:
        if not _is_at_its_end(trial):
            return {"status": "interrupted", "message": str(left)}
    except KeyboardInterrupt:
        return {"status": "interrupted", "message": "interrupted from the keyboard"}
    except SystemExit as left:
        message = f"the objective called sys.exit({left.code!r})"
        if is_asked(ON_ITS_WAY_S):
            return _interrupted(message)
        return failure("SystemExit", message, traceback.format_exc())
    except BaseException as err:
        if is_storage_trouble(err):
            if not isinstance(err, StorageTrouble):
                log.error("%s", traceback.format_exc())
            raise StorageTrouble(f"trial {trial.trial_id}: {_text_of(err)}") from err
        if is_asked(ON_ITS_WAY_S if looks_killed(err) else 0.0):
            log.info("%s", traceback.format_exc())
            return _interrupted(f"{type(err).__name__}: {_text_of(err)}")
        # Whatever else user code raises is its result.
        return failure(*cause_and_message(err, _text_of(err)), traceback.format_exc())
    # Without a known end, an objective that has reported knows itself when it is done.
    cut_short = not trial.history if trial.max_resource is None else not _is_at_its_end(trial)
    if cut_short and is_asked(0.0):
        return _interrupted("the objective returned")
    if not trial.history:
        message = (
            "the objective returned without reporting; call "
            f"trial.report({resource_attr}=…, {metric}=…)"
        )
        return failure("no_report", message, None)
    if trial.history[-1].get(metric) is None:
        word = trial.history[-1].get("not_finite", {}).get(metric, "not finite")
        return {"status": "completed", "message": f"{metric} was {word}: counts as worst"}
    return {"status": "completed"}


def _is_at_its_end(trial: Trial) -> bool:
    return trial.max_resource is not None and trial.resource >= trial.max_resource


def _interrupted(how: str) -> dict[str, Any]:
    """The end of users' code whose job was asked to leave; `how` it ended."""
    message = _fit(f"its job was asked to leave, and its code ended: {how}", MESSAGE_LENGTH)
    log.info("%s", message)
    return {"status": "interrupted", "message": message}


def out_of_memory(failed: dict[str, Any]) -> dict[str, Any]:
    """The failure of a trial that went on after the kernel had killed a process of it."""
    message = f"a process of the trial was killed for its memory, then: {failed['message']}"
    return failed | {"cause": Cause.OUT_OF_MEMORY.value, "message": message}


def with_folder_told(failed: dict[str, Any]) -> dict[str, Any]:
    """The failure of a trial in a folder of its own, which may have looked for a file there."""
    if _NO_SUCH_FILE not in f"{failed['message']}{failed['traceback']}":
        return failed
    hint = (
        "\n`cwd: trial` runs each trial in a folder of its own: a relative path of data is looked"
        " for there; make it absolute, or join it to HPO_START_DIR"
    )
    return failed | {"message": f"{failed['message']}{hint}"}


def failure(cause: str, message: str, trace: str | None) -> dict[str, Any]:
    """A failure with as much of its text as a result keeps."""
    message, trace = _fit(message, MESSAGE_LENGTH), trace and _fit(trace, TRACE_LENGTH)
    if trace:
        log.error("%s", trace)
    return {"status": "failed", "cause": cause, "message": message, "traceback": trace}


def _text_of(err: BaseException) -> str:
    try:
        return str(err)
    except Exception as second:  # noqa: BLE001  # because user code writes __str__ too
        return f"(its text cannot be shown: {type(second).__name__})"


def _fit(text: str, length: int) -> str:
    """The text as UTF-8 can hold it, with its middle left out where it is long."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(text) <= length:
        return text
    return (
        f"{text[: length // 2]}\n[{len(text) - length} characters left out]\n{text[-length // 2 :]}"
    )


def document_of(
    claim: offers.Leg,
    offer: Mapping[str, Any],
    settings: LegSettings,
    here: Surroundings,
    ended: Mapping[str, Any],
    *,
    history: Sequence[Mapping[str, Any]],
    resource: int,
    start: float,
    end: float,
    earlier: float,
) -> dict[str, Any]:
    """The result document of a leg that began at `start` and ended at `end` (s, Unix).

    `ended` holds its status and, for a failure, what went wrong; `earlier` are the seconds that
    former attempts trained.
    """
    last = history[-1] if history else {}
    return attempts.document(
        trial_id=claim.trial_id,
        config=offer["config"],
        metric=settings.metric,
        mode=settings.mode,
        history=history,
        error=last.get(settings.metric) if ended["status"] != "failed" else None,
        resource=resource,
        rung=claim.rung,
        attempt=claim.attempt,
        job_id=here.job_id,
        goes_on=here.goes_on(ended["status"]),
        additional_info={
            "training_time": earlier + end - start,
            "leg_time": end - start,
            "start_time": start,
            "end_time": end,
            "host": here.host,
        }
        | here.info
        | ({"max_rss_mb": used} if (used := here.used_mb()) else {}),
        **ended,
    )


def broken_leg(
    layout: Layout,
    claim: offers.Leg,
    offer: Mapping[str, Any],
    settings: LegSettings,
    here: Surroundings,
    ended: Mapping[str, Any],
) -> dict[str, Any]:
    """The result document of a leg whose process ended without one; `ended` says how."""
    folder = layout.trial(claim.trial_id)
    begun = read_json(folder / f"attempt-a{claim.attempt}.json")
    start = begun.get("start_time") if isinstance(begun, dict) else None
    now = here.clock()
    history = read_reports(
        folder, resource_attr=settings.resource_attr, up_to_attempt=claim.attempt
    )
    history = history if is_writable(history) else []
    return document_of(
        claim,
        offer,
        settings,
        here,
        ended,
        history=history,
        resource=history[-1][settings.resource_attr] if history else 0,
        start=start if isinstance(start, (int, float)) else now,
        end=now,
        earlier=earlier_time(layout, claim),
    )


def earlier_time(layout: Layout, claim: offers.Leg) -> float:
    """Seconds that earlier attempts trained, as far as their reports tell."""
    total = 0.0
    for attempt in range(claim.attempt):
        path = layout.trial(claim.trial_id) / f"reports-a{attempt}.jsonl"
        try:
            *_, last = read_plain(path).splitlines()
            total += max(0.0, float(json.loads(last)["elapsed"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
    return total
