"""What people may ask of a campaign that goes on; decided in `hpo.decisions.steering`.

Pure: how requests lie in the folder, `hpo.folder.requests` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from hpo.record.fields import from_json


@dataclass(frozen=True, slots=True)
class StopTrial:
    """The trial saves and leaves at its next report, and stays stopped until it is retried.

    `by` is who asked and `time` when (s, Unix), as in all requests.
    """

    trial_id: int
    by: str
    time: float


@dataclass(frozen=True, slots=True)
class RetryTrials:
    """The trials run again: from their checkpoints, or `from_start`, as if they had never run."""

    trial_ids: Sequence[int]
    by: str
    time: float
    from_start: bool = False


@dataclass(frozen=True, slots=True)
class Enqueue:
    """The points are tried next, each a trial more; what one leaves out is filled in."""

    points: Sequence[Mapping[str, Any]]
    by: str
    time: float


@dataclass(frozen=True, slots=True)
class Extend:
    """The search gets `n_trials` trials in all, or `more_trials`, or rungs up to `max_t`."""

    by: str
    time: float
    n_trials: int | None = None
    more_trials: int | None = None
    max_t: int | None = None


Request: TypeAlias = StopTrial | RetryTrials | Enqueue | Extend
_KINDS: dict[str, type[Request]] = {cls.__name__: cls for cls in Request.__args__}


def request_of(data: object) -> Request:
    """The request of a JSON object.

    Raises:
        ValueError: no request looks like that.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"{data!r:.40}")
    values = dict(data)
    name = values.pop("request", None)
    kind = _KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"no request is called {name!r:.40}")
    return from_json(kind, values)
