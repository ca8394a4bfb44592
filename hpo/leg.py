"""Run one claimed leg: call the objective, and write down what it came to, whatever happens.

Owns the order that makes a result safe: the attempt's own file, then the claim's rename (which
fails if the claim was fenced off), then the standing result. Knows no queue and no scheduler; jobs
and the simulator run legs through it alike.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from hpo import offers, result_file
from hpo.causes import Cause
from hpo.files import Layout, publish_json, read_plain
from hpo.memory_errors import cause_and_message
from hpo.objective import call
from hpo.storage import Patience, StorageTrouble, is_storage_trouble
from hpo.trial import Trial, TrialInterrupted

log = logging.getLogger(__name__)

MESSAGE_LENGTH = 2_000  # characters of an exception's text that a result keeps
TRACE_LENGTH = 20_000


@dataclass(frozen=True, slots=True)
class LegSettings:
    """What a job needs to know of the campaign; read from campaign.json."""

    campaign: str
    objective: str
    pythonpath: list[str]
    metric: str
    mode: str
    resource_attr: str
    checkpoint_interval: int
    claim_timeout: float
    metric_pattern: str | None = None
    sharing: str = "private"

    def __post_init__(self) -> None:
        """Refuse what a manager would not have written, e.g. after an edit by hand."""
        texts = [self.campaign, self.objective, self.metric, self.mode, self.resource_attr]
        sound = (
            all(isinstance(text, str) for text in [*texts, self.sharing])
            and isinstance(self.pythonpath, list)
            and all(isinstance(folder, str) for folder in self.pythonpath)
            and isinstance(self.checkpoint_interval, int)
            and isinstance(self.claim_timeout, (int, float))
            and isinstance(self.metric_pattern, (str, type(None)))
        )
        if not sound:
            raise TypeError(f"these are no settings of jobs: {asdict(self)}")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where and how a leg runs: its job, its host, its clock and the request to leave.

    `oom_kills` counts the processes of the job that the kernel has killed for their memory.
    """

    job_id: str
    host: str
    clock: Callable[[], float]
    asked_to_leave: Callable[[], bool] = lambda: False
    info: dict[str, Any] = field(default_factory=dict)
    oom_kills: Callable[[], int] = lambda: 0
    patience: Patience = field(default_factory=Patience)


def run_leg(
    layout: Layout,
    claim: offers.Leg,
    offer: Mapping[str, Any],
    load: Callable[[], Callable[..., Any]],
    settings: LegSettings,
    here: Surroundings,
) -> dict[str, Any]:
    """Train the claimed leg with the function that `load` gives; the result document.

    Raises:
        StorageTrouble: what had to be written could not be; the leg has to be run again.
    """
    folder = layout.trial(claim.trial_id)
    start = here.clock()

    def asked_to_leave() -> bool:
        # Not Path.exists, which raises when the file server is away.
        return (
            here.asked_to_leave()
            or os.path.exists(layout.leave)  # noqa: PTH110
            or not offers.is_held(layout, claim)
        )

    def write_start() -> None:
        folder.mkdir(parents=True, exist_ok=True)
        publish_json(folder / "config.json", offer["config"])
        who = {"job_id": here.job_id, "host": here.host, "start_time": start}
        publish_json(folder / f"attempt-a{claim.attempt}.json", who | here.info)

    patience = replace(here.patience, leaving=asked_to_leave)
    patience.insist(f"trial {claim.trial_id}: its configuration", write_start)
    earlier = _earlier_time(layout, claim)
    trial = Trial(
        trial_id=claim.trial_id,
        config=offer["config"],
        folder=folder,
        attempt=claim.attempt,
        target=offer.get("target"),
        final=offer.get("final", True),
        resource_attr=settings.resource_attr,
        metric=settings.metric,
        checkpoint_interval=settings.checkpoint_interval,
        asked_to_leave=asked_to_leave,
        clock=here.clock,
        patience=patience,
    )
    killed_before = here.oom_kills()
    ended = _ended(trial, load, settings)
    if ended["status"] == "failed" and here.oom_kills() > killed_before:
        ended = _out_of_memory(ended)
    if ended["status"] == "completed" and not offer.get("final", True):
        ended["status"] = "paused"
    end = max(start, here.clock())  # because clocks of nodes are set back at times
    last = trial.history[-1] if trial.history else {}
    return result_file.document(
        trial_id=claim.trial_id,
        config=offer["config"],
        metric=settings.metric,
        mode=settings.mode,
        history=trial.history,
        error=last.get(settings.metric) if ended["status"] != "failed" else None,
        resource=trial.resource,
        rung=claim.rung,
        attempt=claim.attempt,
        job_id=here.job_id,
        additional_info={
            "training_time": earlier + end - start,
            "leg_time": end - start,
            "start_time": start,
            "end_time": end,
            "host": here.host,
        }
        | here.info,
        **ended,
    )


def finish_leg(
    layout: Layout,
    claim: offers.Leg,
    result: Mapping[str, Any],
    patience: Patience = Patience(),  # noqa: B008  # because it is frozen
) -> bool:
    """Publish what the leg came to; False: the claim was fenced off meanwhile, nothing counts.

    Raises:
        StorageTrouble: it could not be written; the leg has to be run again.
    """

    def publish() -> None:
        path = result_file.attempt_path(layout, claim)
        path.parent.mkdir(parents=True, exist_ok=True)  # because somebody may have removed it
        publish_json(path, result)
        result_file.prepare(layout, claim, result)

    what = f"trial {claim.trial_id}: its result"
    asked_to_leave = patience.leaving
    patience = replace(
        patience, leaving=lambda: asked_to_leave() or not offers.is_held(layout, claim)
    )
    patience.insist(what, publish, patience.result_s)
    if not patience.insist(what, lambda: offers.finish(layout, claim), patience.result_s):
        with contextlib.suppress(OSError):
            result_file.discard_prepared(layout, claim)
        return False
    try:
        result_file.publish_prepared(layout, claim)
    except OSError as err:  # not waited for: the manager writes what is missing there
        log.warning("trial %d: its standing result cannot be written: %s", claim.trial_id, err)
    return True


def _ended(
    trial: Trial, load: Callable[[], Callable[..., Any]], settings: LegSettings
) -> dict[str, Any]:
    """How the objective ended: status, and for a failure its cause, message and traceback."""
    try:
        call(load(), trial)
    except TrialInterrupted as left:
        if trial.max_resource is None or trial.resource < trial.max_resource:
            return {"status": "interrupted", "message": str(left)}
    except KeyboardInterrupt:
        return {"status": "interrupted", "message": "interrupted from the keyboard"}
    except SystemExit as left:
        message = f"the objective called sys.exit({left.code!r})"
        return _failure("SystemExit", message, traceback.format_exc())
    except BaseException as err:
        if is_storage_trouble(err):
            if not isinstance(err, StorageTrouble):
                log.error("%s", traceback.format_exc())
            raise StorageTrouble(f"trial {trial.trial_id}: {_text_of(err)}") from err
        # Whatever else user code raises is its result.
        return _failure(*cause_and_message(err, _text_of(err)), traceback.format_exc())
    if not trial.history:
        message = (
            "the objective returned without reporting; call "
            f"trial.report({settings.resource_attr}=…, {settings.metric}=…)"
        )
        return _failure("no_report", message, None)
    if trial.history[-1].get(settings.metric) is None:
        word = trial.history[-1].get("not_finite", {}).get(settings.metric, "not finite")
        return {"status": "completed", "message": f"{settings.metric} was {word}: counts as worst"}
    return {"status": "completed"}


def _out_of_memory(failed: dict[str, Any]) -> dict[str, Any]:
    """The failure of a trial that went on after the kernel had killed a process of it."""
    message = f"a process of the trial was killed for its memory, then: {failed['message']}"
    return failed | {"cause": Cause.OUT_OF_MEMORY.value, "message": message}


def _failure(cause: str, message: str, trace: str | None) -> dict[str, Any]:
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


def _earlier_time(layout: Layout, claim: offers.Leg) -> float:
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
