"""The vocabulary of the journal: every fact that was accepted and every decision that was made.

An event is never changed after it was journaled; a new field needs a default, so that every journal
of this format version stays readable.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hpo.record.fields import LATEST_S, from_json, kinds
from hpo.record.result import Outcome, Result

FORMAT = 1
ELSEWHERE = {"result", "traceback"}  # fields that do not lie as such in a line
_SECONDS = ("time", "until", "elapsed", "lost_s")


@dataclass(frozen=True, slots=True)
class CampaignStarted:
    """Decision: the campaign exists since `time` (s, Unix)."""

    time: float


@dataclass(frozen=True, slots=True)
class TrialDrawn:
    """Decision of the searcher: trial `trial_id` trains with `config`.

    `enqueued`: it is the first of the points that were enqueued, and the searcher was not asked.
    """

    time: float
    trial_id: int
    config: Mapping[str, Any]
    bracket: int = 0
    enqueued: bool = False


@dataclass(frozen=True, slots=True)
class TrialRedrawn:
    """Decision of the searcher, which knows more by now: a trial that nobody took gets `config`."""

    time: float
    trial_id: int
    config: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SearchExhausted:
    """Fact: a finite space holds no further configuration than the ones drawn."""

    time: float
    drawn: int


@dataclass(frozen=True, slots=True)
class LegOffered:
    """Decision: any seat may take the trial to resource `target` (None: as far as it goes).

    `final`: nothing can follow this leg. A higher `rung` than before is a promotion. `mem_mb` is
    the memory that the leg was raised to (MB); 0: what every seat has. `time_s` is how long it may
    take (s), so that no seat takes it that has less time left; 0: any seat may. `off` is the node
    that is to be kept from it, as long as there is another; empty: none.
    """

    time: float
    trial_id: int
    rung: int
    attempt: int
    target: int | None = None
    final: bool = True
    mem_mb: int = 0
    time_s: int = 0
    off: str = ""


@dataclass(frozen=True, slots=True)
class LegClaimed:
    """Fact: job `job_id` took the leg."""

    time: float
    trial_id: int
    rung: int
    attempt: int
    job_id: str


@dataclass(frozen=True, slots=True)
class LegReturned:
    """Fact: a requeued job gave back the claim of its former life, as the next `attempt`.

    `lost_s` and `lost_resource` are what that life had trained and not saved, as for `LegLost`;
    `resource` is the furthest that it had reported.
    """

    time: float
    trial_id: int
    rung: int
    attempt: int
    lost_s: float = 0.0
    lost_resource: int = 0
    resource: int = 0


@dataclass(frozen=True, slots=True)
class LegFinished:
    """Fact: the job that held the leg ended it itself and wrote down how."""

    time: float
    trial_id: int
    rung: int
    attempt: int
    job_id: str
    result: Result


@dataclass(frozen=True, slots=True)
class LegLost:
    """Fact: the claim was fenced off, because its job is gone; `resource` is what it saved.

    `lost_s` is the seat time (s) since that was saved, which has to be spent again;
    `lost_resource` what was reported in it and has to be trained again. `mem_had_mb` and
    `time_had_s` are what its seat had for the leg, as in a `Result`.
    """

    time: float
    trial_id: int
    rung: int
    attempt: int
    job_id: str
    cause: str
    message: str
    resource: int = 0
    node: str = ""
    lost_s: float = 0.0
    lost_resource: int = 0
    mem_had_mb: int = 0
    time_had_s: int = 0


@dataclass(frozen=True, slots=True)
class OfferRevoked:
    """Fact: the offer was taken back before any job claimed it."""

    time: float
    trial_id: int
    rung: int
    attempt: int


@dataclass(frozen=True, slots=True)
class TrialCompleted:
    """Decision: the trial has nothing left to run."""

    time: float
    trial_id: int


@dataclass(frozen=True, slots=True)
class TrialPaused:
    """Decision: the trial rests at its rung and costs nothing until it is promoted."""

    time: float
    trial_id: int


@dataclass(frozen=True, slots=True)
class TrialFailed:
    """Decision: the trial is given up, through `cause`."""

    time: float
    trial_id: int
    cause: str
    message: str


@dataclass(frozen=True, slots=True)
class TrialStopped:
    """Decision: the trial ends early through no fault of its own."""

    time: float
    trial_id: int
    reason: str


@dataclass(frozen=True, slots=True)
class NodeQuarantined:
    """Decision: no new seat goes to `node` before `until` (s, Unix), for `reason`."""

    time: float
    node: str
    until: float
    reason: str


@dataclass(frozen=True, slots=True)
class CampaignEnding:
    """Decision: nothing new is offered; what runs may finish."""

    time: float
    reason: str


@dataclass(frozen=True, slots=True)
class CampaignEnded:
    """Decision: nothing runs and nothing is left to run."""

    time: float
    reason: str


@dataclass(frozen=True, slots=True)
class CampaignReopened:
    """Decision: an ended campaign goes on, with other limits or after a repair."""

    time: float
    reason: str


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Fact: somebody asks that the trial stops, and stays stopped until it is asked for again.

    `by` says who, and `token` which request it was, as in all that people ask.
    """

    time: float
    token: str
    by: str
    trial_id: int


@dataclass(frozen=True, slots=True)
class RetryAsked:
    """Fact: somebody asks for these trials again; `from_start`: as if they had never run."""

    time: float
    token: str
    by: str
    trial_ids: Sequence[int]
    from_start: bool = False


@dataclass(frozen=True, slots=True)
class PointsEnqueued:
    """Fact: somebody asks for these whole configurations; each is a trial more."""

    time: float
    token: str
    by: str
    points: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class CampaignExtended:
    """Fact: the search is to go further than it was; by a request, or by the configuration.

    `n_trials` are those that the searcher draws in all, where the configuration says `configured`;
    None: as before. `levels` are the rungs, the ones before among them, and `last_rung` is the
    number of the one that was the last; empty: as before. `constants` are the hyperparameters that
    all trials have from now on, such as the resource of the last rung. Without a `token` it was
    the configuration that was edited.
    """

    time: float
    token: str
    by: str
    n_trials: int | None = None
    configured: int | None = None
    levels: Sequence[int] = ()
    last_rung: int = 0
    constants: Mapping[str, Any] = field(default_factory=dict)


Asked = StopAsked | RetryAsked | PointsEnqueued | CampaignExtended
TrialEvent = (
    TrialRedrawn
    | LegOffered
    | LegClaimed
    | LegReturned
    | LegFinished
    | LegLost
    | OfferRevoked
    | TrialCompleted
    | TrialPaused
    | TrialFailed
    | TrialStopped
)
Event = (
    CampaignStarted
    | TrialDrawn
    | SearchExhausted
    | TrialEvent
    | NodeQuarantined
    | CampaignEnding
    | CampaignEnded
    | CampaignReopened
    | Asked
)

_TYPES: dict[str, type[Event]] = {cls.__name__: cls for cls in Event.__args__}


def to_record(event: Event) -> dict[str, Any]:
    """The JSON object of an event: its type under `event`, then its fields."""
    record = {"event": type(event).__name__}
    for part in (event, event.result) if isinstance(event, LegFinished) else (event,):
        record |= {name: getattr(part, name) for name in kinds(type(part)) if name not in ELSEWHERE}
    return record


def from_record(record: Mapping[str, Any]) -> Event:
    """The event of a JSON object.

    Raises:
        ValueError: no event of this format version looks like that.
    """
    if not isinstance(record, Mapping):  # because a line may hold any JSON
        raise ValueError(f"an event is a JSON object, not {record!r:.40}")
    values = dict(record)
    name = values.pop("event", None)
    cls = _TYPES.get(name) if isinstance(name, str) else None
    if cls is None:
        raise ValueError(f"no event is called {name!r}")
    for key in _SECONDS:
        value = values.get(key, 0.0)
        if isinstance(value, (int, float)) and not abs(value) < LATEST_S:
            raise ValueError(f"not a {name}: {key} is {value!r:.40}, which is no time")
    if cls is not LegFinished:
        return from_json(cls, values)
    names = kinds(Result).keys() - ELSEWHERE
    told = {key: values.pop(key) for key in names if key in values}
    try:
        result = from_json(Result, told)
        result = replace(result, outcome=Outcome(result.outcome))
    except ValueError as err:
        raise ValueError(f"not a {name}: {err}") from err
    if "result" in values:
        raise ValueError(f"not a {name}: result is {values['result']!r:.40}")
    return from_json(cls, values | {"result": result})
