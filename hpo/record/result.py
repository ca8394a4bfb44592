"""What one attempt of a leg came to: told by its job, held by the journal, decided by.

Owns its JSON form in result files, and what of such a file is believed: any user may have written
there. Pure: no I/O, no clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from hpo.record.fields import LATEST_S

MOST_RESOURCE = 2**53  # beyond it no reader of JSON is bound to keep a whole number
MESSAGE_LENGTH = 4_000  # characters that the journal takes over; a job writes about half of it

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_CODE = re.compile(r"[0-9a-f]{6,64}")
_LARGEST = 1.7976931348623157e308  # of all floats; math.isfinite raises for integers beyond it


class Outcome(str, Enum):
    """How a leg ended by itself."""

    COMPLETED = "completed"
    PAUSED = "paused"  # completed, but its trial may go on; only result files tell the difference
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    def __str__(self) -> str:
        """The word itself, as in the journal."""
        return self.value


@dataclass(frozen=True, slots=True)
class Result:
    """What an attempt came to.

    `metric` is the value at `resource`, in the user's own sign; None where it was not finite or
    nothing was reported. `elapsed` is in s. `mem_used_mb` is the most memory that the job was seen
    to use (MB); `mem_had_mb` and `time_had_s` are what its seat had for the leg (MB, s). 0: nobody
    said so. `silence_s` is the longest time (s) in which nothing was reported, start and end
    included; 0: nobody said so. `goes_on`: the job means to take another leg. `early`: users' code
    returned before the end of the leg, and wants no more. `code` is the digest of the code that
    ran; empty: nobody said so. `gpu_use` is the mean use of the leg's GPUs (%), `gpu_mem_mb` the
    most memory that it took of one of them and `gpu_mem_had_mb` all of that one's (MB); None:
    nobody could say. The `traceback` stays in the file.
    """

    outcome: Outcome
    metric: float | None
    resource: int
    elapsed: float
    cause: str | None = None
    message: str | None = None
    node: str = ""
    mem_used_mb: int = 0
    mem_had_mb: int = 0
    time_had_s: int = 0
    goes_on: bool = False
    early: bool = False
    code: str = ""
    gpu_use: float | None = None
    gpu_mem_mb: int | None = None
    gpu_mem_had_mb: int | None = None
    traceback: str | None = None
    silence_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Its part of a result file; what nobody said is not there."""
        amounts = {
            "max_rss_mb": self.mem_used_mb,
            "mem_had_mb": self.mem_had_mb,
            "time_had_s": self.time_had_s,
            "longest_silence_s": round(self.silence_s, 3),
        }
        gpu = {
            "gpu_use": self.gpu_use,
            "gpu_mem_mb": self.gpu_mem_mb,
            "gpu_mem_had_mb": self.gpu_mem_had_mb,
        }
        return {
            "status": self.outcome.value,
            "error": self.metric,
            "resource": self.resource,
            "cause": self.cause,
            "message": self.message,
            "traceback": self.traceback,
            "additional_info": {"leg_time": self.elapsed, "host": self.node}
            | {name: amount for name, amount in amounts.items() if amount}
            | ({"code": self.code} if self.code else {})
            | {name: value for name, value in gpu.items() if value is not None},
            "goes_on": self.goes_on,
            "early": self.early,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Result | None:
        """What a result file says; None where no job can have written it."""
        error, resource, info = map(found.get, ("error", "resource", "additional_info"))
        cause, message = found.get("cause"), found.get("message")
        try:
            outcome = Outcome(found.get("status"))
        except ValueError:
            return None
        if (
            not isinstance(info, dict)
            or not (error is None or _is_finite(error))
            or type(resource) is not int
            or not 0 <= resource <= MOST_RESOURCE
            or not all(isinstance(text, (str, type(None))) for text in (cause, message))
            or not _is_finite(info.get("leg_time"))
            or not abs(info["leg_time"]) < LATEST_S
        ):
            return None
        return cls(
            outcome=Outcome.COMPLETED if outcome is Outcome.PAUSED else outcome,
            metric=None if error is None else float(error),
            resource=resource,
            elapsed=max(0.0, float(info["leg_time"])),  # because clocks are set back at times
            cause=cause and cause[:MESSAGE_LENGTH],
            message=message and message[:MESSAGE_LENGTH],
            node=node_name(info.get("host")),
            mem_used_mb=amount(info.get("max_rss_mb")),
            mem_had_mb=amount(info.get("mem_had_mb")),
            time_had_s=amount(info.get("time_had_s")),
            goes_on=found.get("goes_on") is True,
            early=found.get("early") is True,
            silence_s=seconds(info.get("longest_silence_s")),
            code=code_digest(info.get("code")),
            gpu_use=_percent(info.get("gpu_use")),
            gpu_mem_mb=_amount_or_none(info.get("gpu_mem_mb")),
            gpu_mem_had_mb=_amount_or_none(info.get("gpu_mem_had_mb")),
        )


def amount(value: object) -> int:
    """A number of megabytes or seconds, where it may be one; else 0."""
    return value if type(value) is int and 0 <= value < 2**31 else 0


def seconds(value: object) -> float:
    """How long something took (s), where it may be that; else 0."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return 0.0
    return float(value) if 0 <= value < LATEST_S else 0.0


def _amount_or_none(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**31 else None


def _percent(value: object) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= 100:
        return None
    return float(value)


def node_name(text: object) -> str:
    """`text` where a host may be called so, else nothing: it goes into commands and logs."""
    return text if isinstance(text, str) and _NODE.fullmatch(text) else ""


def code_digest(text: object) -> str:
    """`text` where it may be a digest of code, else nothing."""
    return text if isinstance(text, str) and _CODE.fullmatch(text) else ""


def _is_finite(value: object) -> bool:
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST
    )
