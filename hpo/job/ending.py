"""What a leg came to: how its objective ended, in words, and all that is told of it.

Owns what each exception of users' code means and how much of its text is kept, how long a trial has
trained over all its attempts, and what is written about a leg whose own process cannot tell any
more. Writes nothing; `folder.attempts` owns the form of it.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hpo.errors import ReportError
from hpo.folder import offers
from hpo.folder.attempts import Account
from hpo.folder.files import AttemptFiles, Layout, is_writable, read_plain
from hpo.folder.json_text import parse
from hpo.folder.patience import StorageTrouble, is_storage_trouble
from hpo.folder.report_lines import to_number
from hpo.folder.reports import read_reports
from hpo.job.orders import Surroundings
from hpo.record.causes import Cause
from hpo.record.goal import Goal
from hpo.record.result import Outcome, Result, seconds
from hpo.trial.exceptions import cause_and_message, looks_killed
from hpo.trial.objective import call
from hpo.trial.trial import Trial, TrialInterrupted

log = logging.getLogger(__name__)

MESSAGE_LENGTH = 2_000  # characters of an exception's text that a result keeps
TRACE_LENGTH = 20_000
ON_ITS_WAY_S = 5.0  # from a process that SLURM's signal ended to the job's own signal, at most
_NO_SUCH_FILE = os.strerror(errno.ENOENT)


def train(
    trial: Trial,
    load: Callable[[], Callable[..., Any]],
    goal: Goal,
    is_asked: Callable[[float], bool] = lambda _within_s: False,
) -> Result:
    """Call the objective; how it ended, for a failure with cause, message and traceback.

    Where its job was asked to leave, every end before the trial's is an interruption: SLURM signals
    all processes of a job, and users' code may end before a report can notice.

    Args:
        trial: what is trained.
        load: gives the objective.
        goal: what is reported.
        is_asked: whether the job was asked to leave, or is within so many seconds.

    Raises:
        StorageTrouble: it could not write; the leg has to be run again.
    """
    returned: object = None
    try:
        returned = call(load(), trial)
        if returned is not None:
            report_returned(trial, returned, goal)
        if not trial.has_reported:
            trial.recall()
    except TrialInterrupted as left:
        if not _is_at_its_end(trial):
            return _result(trial, goal, Outcome.INTERRUPTED, str(left))
    except KeyboardInterrupt:
        message = "interrupted from the keyboard"
        return _result(trial, goal, Outcome.INTERRUPTED, message)
    except SystemExit as left:
        message = f"the objective called sys.exit({left.code!r})"
        if is_asked(ON_ITS_WAY_S):
            return _interrupted(trial, goal, message)
        return failure("SystemExit", message, traceback.format_exc(), trial.resource)
    except BaseException as err:
        if is_storage_trouble(err):
            if not isinstance(err, StorageTrouble):
                log.error("%s", traceback.format_exc())
            raise StorageTrouble(f"trial {trial.trial_id}: {_text_of(err)}") from err
        if is_asked(ON_ITS_WAY_S if looks_killed(err) else 0.0):
            log.info("%s", traceback.format_exc())
            return _interrupted(trial, goal, f"{type(err).__name__}: {_text_of(err)}")
        # Whatever else user code raises is its result.
        cause, message = cause_and_message(err, _text_of(err))
        return failure(cause, message, traceback.format_exc(), trial.resource)
    # Without a known end, an objective that has reported knows itself when it is done.
    cut_short = not trial.history if trial.max_resource is None else not _is_at_its_end(trial)
    if cut_short and is_asked(0.0):
        return _interrupted(trial, goal, "the objective returned")
    with contextlib.suppress(TrialInterrupted):
        trial.report_the_end()
    if not trial.history:
        what = "" if returned is None else f" a {type(returned).__name__}"
        message = (
            f"the objective returned{what} without reporting; call "
            f"trial.report({goal.resource}=…, {goal.metric}=…), or return the {goal.metric}"
        )
        return failure("no_report", message, None, trial.resource)
    early = trial.max_resource is not None and trial.resource < trial.max_resource
    result = replace(_result(trial, goal, Outcome.COMPLETED), early=early)
    if result.metric is not None:
        return result
    word = trial.history[-1].get("not_finite", {}).get(goal.metric, "not finite")
    return replace(result, message=f"{goal.metric} was {word}: counts as worst")


def report_returned(trial: Trial, returned: object, goal: Goal) -> None:
    """Take a number that an objective returned, or a dict with it, for its report.

    Raises:
        ReportError: it is one, and cannot be made.
    """
    told = {goal.metric: returned} if not isinstance(returned, Mapping) else dict(returned)
    metrics: dict[str, int | float] = {}
    for name, value in told.items():
        with contextlib.suppress(ReportError):
            metrics[name] = to_number(name, value)
    if trial.has_reported or goal.metric not in metrics:
        log.warning(
            "trial %d: the %s that the objective returned is not used: %s",
            trial.trial_id,
            type(returned).__name__,
            "it has reported" if trial.has_reported else f"it is no number, nor has {goal.metric}",
        )
        return
    if left_out := [str(name) for name in told if name not in metrics]:
        log.warning("not kept of what was returned, as no numbers: %s", ", ".join(left_out))
    at = {} if trial.max_resource is None else {goal.resource: trial.max_resource}
    trial.report(**at | metrics)


def _result(trial: Trial, goal: Goal, outcome: Outcome, message: str | None = None) -> Result:
    """The result of a leg that ends so with the trial's reports; how long it took comes later."""
    return Result(outcome, goal.value(trial.history), trial.resource, 0.0, message=message)


def _is_at_its_end(trial: Trial) -> bool:
    return trial.max_resource is not None and trial.resource >= trial.max_resource


def _interrupted(trial: Trial, goal: Goal, how: str) -> Result:
    """The end of users' code whose job was asked to leave; `how` it ended."""
    message = _fit(f"its job was asked to leave, and its code ended: {how}", MESSAGE_LENGTH)
    log.info("%s", message)
    return _result(trial, goal, Outcome.INTERRUPTED, message)


def with_folder_told(failed: Result) -> Result:
    """The failure of a trial in a folder of its own, which may have looked for a file there."""
    if _NO_SUCH_FILE not in f"{failed.message}{failed.traceback}":
        return failed
    hint = (
        "\n`cwd: trial` runs each trial in a folder of its own: a relative path of data is looked"
        " for there; make it absolute, or join it to HPO_START_DIR"
    )
    return replace(failed, message=f"{failed.message}{hint}")


def out_of_memory(failed: Result) -> Result:
    """The failure of a trial that went on after the kernel had killed a process of it."""
    message = f"a process of the trial was killed for its memory, then: {failed.message}"
    return replace(failed, cause=Cause.OUT_OF_MEMORY.value, message=message)


def failure(cause: str, message: str, trace: str | None, resource: int = 0) -> Result:
    """A failure with as much of its text as a result keeps."""
    message, trace = _fit(message, MESSAGE_LENGTH), trace and _fit(trace, TRACE_LENGTH)
    if trace:
        log.error("%s", trace)
    return Result(Outcome.FAILED, None, resource, 0.0, cause, message, traceback=trace)


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


def account_of(
    taken: tuple[offers.Leg, Mapping[str, Any]],
    goal: Goal,
    here: Surroundings,
    result: Result,
    reports: Sequence[Mapping[str, Any]],
    *,
    start: float,
    end: float,
    earlier: float,
) -> Account:
    """What is told of the leg that ran from `start` to `end` (s, Unix): `here` completes `result`.

    `earlier` are the seconds that former attempts trained.
    """
    claim, offer = taken
    result = replace(
        result,
        elapsed=end - start,
        node=here.host,
        mem_used_mb=here.used_mb(),
        mem_had_mb=here.info.get("mem_had_mb", 0),
        time_had_s=here.info.get("time_had_s", 0),
        goes_on=here.goes_on(result.outcome),
    )
    times = {"training_time": earlier + end - start, "start_time": start, "end_time": end}
    return Account(claim, result, offer["config"], goal, reports, {**times, **here.info})


def broken_leg(
    layout: Layout,
    taken: tuple[offers.Leg, Mapping[str, Any]],
    goal: Goal,
    here: Surroundings,
    result: Result,
    *,
    took_s: float,
) -> Account:
    """What is told of a leg whose process ended without doing so; `result` says how.

    The process ran for `took_s` seconds: what it said of its start was by another clock.
    """
    claim, _ = taken
    now = here.clock()
    folder = layout.trial(claim.trial_id)
    reports = read_reports(folder, resource_attr=goal.resource, up_to_attempt=claim.attempt)
    reports = reports if is_writable(reports) else []
    result = replace(result, resource=reports[-1][goal.resource] if reports else 0)
    earlier = earlier_time(layout, claim)
    return account_of(
        taken, goal, here, result, reports, start=now - took_s, end=now, earlier=earlier
    )


def earlier_time(layout: Layout, claim: offers.Leg) -> float:
    """Seconds that earlier attempts trained, as far as their reports tell."""
    try:
        found = AttemptFiles.with_reports(layout.trial(claim.trial_id))
    except OSError:
        return 0.0
    total = 0.0
    for files in found:
        if files.attempt >= claim.attempt:
            continue
        try:
            *_, last = read_plain(files.reports).splitlines()
            total += seconds(parse(last).get("elapsed"))
        except (OSError, ValueError, AttributeError):
            continue
    return total
