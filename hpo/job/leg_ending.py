"""How the objective of a leg ended, in words: its status, and why it failed.

Owns what each exception of users' code means, and how much of its text is kept. Writes nothing.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from typing import Any

from hpo.folder.patience import StorageTrouble, is_storage_trouble
from hpo.record.causes import Cause
from hpo.trial.memory_errors import cause_and_message
from hpo.trial.objective import call
from hpo.trial.trial import Trial, TrialInterrupted

log = logging.getLogger(__name__)

MESSAGE_LENGTH = 2_000  # characters of an exception's text that a result keeps
TRACE_LENGTH = 20_000


def train(
    trial: Trial, load: Callable[[], Callable[..., Any]], *, metric: str, resource_attr: str
) -> dict[str, Any]:
    """Call the objective; how it ended: status, and for a failure its cause, message and traceback.

    Raises:
        StorageTrouble: it could not write; the leg has to be run again.
    """
    try:
        call(load(), trial)
    except TrialInterrupted as left:
        if trial.max_resource is None or trial.resource < trial.max_resource:
            return {"status": "interrupted", "message": str(left)}
    except KeyboardInterrupt:
        return {"status": "interrupted", "message": "interrupted from the keyboard"}
    except SystemExit as left:
        message = f"the objective called sys.exit({left.code!r})"
        return failure("SystemExit", message, traceback.format_exc())
    except BaseException as err:
        if is_storage_trouble(err):
            if not isinstance(err, StorageTrouble):
                log.error("%s", traceback.format_exc())
            raise StorageTrouble(f"trial {trial.trial_id}: {_text_of(err)}") from err
        # Whatever else user code raises is its result.
        return failure(*cause_and_message(err, _text_of(err)), traceback.format_exc())
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


def out_of_memory(failed: dict[str, Any]) -> dict[str, Any]:
    """The failure of a trial that went on after the kernel had killed a process of it."""
    message = f"a process of the trial was killed for its memory, then: {failed['message']}"
    return failed | {"cause": Cause.OUT_OF_MEMORY.value, "message": message}


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
