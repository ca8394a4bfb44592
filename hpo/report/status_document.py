"""status.json as what looks at a campaign reads it.

Every value may be missing, as in a campaign of an older version, or be anything at all, because
people edit files: what is not as it should be is left out, and nothing here raises. Texts are those
of users: whoever shows them uses `hpo.shown`. Standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hpo.folder.files import Layout, read_object
from hpo.record.fields import LATEST_S, MOST_WHOLE

T = TypeVar("T")

MOST_STATUS_BYTES = 2_000_000  # one of an older version names all running trials
MOST_ITEMS = 10_000  # of a list
EVERY_S = 30.0  # in which a manager writes it, also where nothing happens


@dataclass(frozen=True, slots=True)
class Beat:
    """Which manager wrote the file, and when (s, Unix), by the clock of its host.

    `every_s` is the longest time (s) in which one that lives writes again.
    """

    at: float | None = None
    every_s: float = EVERY_S
    host: str = ""
    pid: int | None = None
    job_id: str | None = None


@dataclass(frozen=True, slots=True)
class RungCount:
    """A rung at resource `level`: `results` of at most `of` (None: nobody knows) trials reached it.

    `running` trials are on their way to it, and `promoted` went on from it.
    """

    bracket: int
    rung: int
    level: int | None
    results: int
    of: int | None = None
    running: int = 0
    promoted: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """Which trial was the best from `time` (s, Unix) on; `hours` of GPUs or jobs were used then.

    The error may be worse than before: a trial may become so on its way to a higher rung.
    """

    time: float
    error: float
    trial_id: int | None = None
    resource: int | None = None
    wallclock_s: float | None = None
    hours: float | None = None


@dataclass(frozen=True, slots=True)
class SeatCount:
    """From `time` (s, Unix) on `running` legs ran and `waiting` jobs waited (None: not known)."""

    time: float
    running: int
    waiting: int | None = None


@dataclass(frozen=True, slots=True)
class WaitReason:
    """`count` jobs wait for `reason`, in the cluster's word; `text` says it to a person.

    `setting` is the setting that keeps them waiting, where it is one.
    """

    reason: str
    count: int
    text: str = ""
    setting: str | None = None


@dataclass(frozen=True, slots=True)
class Jobs:
    """The campaign's jobs; `next_start` (s, Unix) is when the cluster plans the next."""

    queued: int = 0
    running: int = 0
    reasons: tuple[WaitReason, ...] = ()
    next_start: float | None = None


@dataclass(frozen=True, slots=True)
class FailureKind:
    """`count` trials failed of one cause; the rest is told of one of them, and cut."""

    cause: str
    count: int
    trial_id: int | None = None
    message: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the campaign will end (s, Unix), and what it will have used, each with a band."""

    end: float
    earliest: float
    latest: float
    hours: float | None = None
    hours_low: float | None = None
    hours_high: float | None = None


@dataclass(frozen=True, slots=True)
class RunningTrial:
    """A leg that a job holds; `resource` and `error` are those of its last report."""

    trial_id: int
    job_id: str | None = None
    attempt: int = 0
    node: str = ""
    since: float | None = None
    rung: int | None = None
    target: int | None = None
    resource: int | None = None
    error: float | None = None


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """A line of the campaign's log; `level` is info, warning or error."""

    time: float
    text: str
    level: str = "info"


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A node that gets no leg before `until` (s, Unix)."""

    node: str
    until: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """How a campaign stood when its manager last said so; times in s since 1970.

    Attributes:
        campaign: the name of its folder.
        updated: when that was, by the campaign's clock, which of a simulated one is not the wall's.
        started: when the campaign began.
        ended: why it has ended; None: it has not.
        ending: why it is about to.
        beat: which manager wrote it.
        metric: what trials are compared by.
        mode: min or max.
        resource_attr: what training is measured in.
        n_trials: that it is to have; None: nobody says.
        trials: how many trials stand where: offered, running, paused, completed, failed, stopped.
        rungs: lowest first; empty without.
        best_trial_id: the incumbent.
        best_error: its metric.
        best_resource: how far it was trained for that.
        best_config: its configuration; of a large one only a part.
        incumbent: how that came to be, oldest first, thinned.
        jobs: what runs and waits.
        seats: how many legs ran, over time, thinned.
        failures: most first.
        hours: of GPUs, or of jobs without one, that legs which ended have used.
        hours_running: the same of those that ran then.
        lost_hours: of those, what has to be spent again.
        lost_legs: how many legs were lost.
        lost_resource: what has to be trained again.
        hours_of: GPUs or jobs.
        lost_by: how many legs were lost, by cause.
        forecast: the end; None: nothing can be said yet.
        running: some of the legs that jobs hold, by trial.
        running_left_out: how many more there are.
        events: the last lines of the log, oldest first.
        quarantined: nodes that are left alone.
        document: all of the file.
    """

    campaign: str = ""
    updated: float | None = None
    started: float | None = None
    ended: str | None = None
    ending: str | None = None
    beat: Beat = field(default_factory=Beat)
    metric: str = "validation_error"
    mode: str = "min"
    resource_attr: str = "epoch"
    n_trials: int | None = None
    trials: Mapping[str, int] = field(default_factory=dict)
    rungs: tuple[RungCount, ...] = ()
    best_trial_id: int | None = None
    best_error: float | None = None
    best_resource: int | None = None
    best_config: Mapping[str, Any] = field(default_factory=dict)
    incumbent: tuple[Step, ...] = ()
    jobs: Jobs = field(default_factory=Jobs)
    seats: tuple[SeatCount, ...] = ()
    failures: tuple[FailureKind, ...] = ()
    hours: float | None = None
    hours_running: float = 0.0
    lost_hours: float | None = None
    lost_legs: int = 0
    lost_resource: int = 0
    hours_of: str = "jobs"
    lost_by: Mapping[str, int] = field(default_factory=dict)
    forecast: Forecast | None = None
    running: tuple[RunningTrial, ...] = ()
    running_left_out: int = 0
    events: tuple[ToldEvent, ...] = ()
    quarantined: tuple[Quarantine, ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, layout: Layout) -> Status | None:
        """What the campaign's file says; None: there is none, or it cannot be read just now."""
        document = read_object(layout.status, MOST_STATUS_BYTES)
        return cls.of(document) if document else None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Status:
        """The same of a document that was read."""
        told = _Told(document)
        best = told.whole("best_trial_id")
        return cls(
            campaign=told.text("campaign"),
            updated=told.time("updated"),
            started=told.time("started"),
            ended=told.text("ended") or None,
            ending=told.text("ending") or None,
            beat=_beat(_Told(told.below("manager")), told.time("updated")),
            metric=told.text("metric") or "validation_error",
            mode="max" if told.text("mode") == "max" else "min",
            resource_attr=told.text("resource_attr") or "epoch",
            n_trials=told.whole("n_trials"),
            trials=_counts(told.below("trials")),
            rungs=_all(told.items("rungs"), _rung),
            best_trial_id=best,
            best_error=None if best is None else told.number("best_error"),
            best_resource=told.whole("best_resource"),
            best_config=told.below("best_config"),
            incumbent=_all(told.items("incumbent"), _step),
            jobs=_jobs(_Told(told.below("jobs"))),
            seats=tuple(seat for row in told.rows("seats") if (seat := _seat(row))),
            failures=_all(told.items("failures"), _failure),
            hours=told.number("hours"),
            hours_running=told.number("hours_running") or 0.0,
            lost_hours=told.number("lost_hours"),
            lost_legs=told.whole("lost_legs") or 0,
            lost_resource=told.whole("lost_resource") or 0,
            hours_of="GPUs" if told.text("hours_of") == "GPUs" else "jobs",
            lost_by=_counts(told.below("lost_by")),
            forecast=_forecast(_Told(told.below("forecast"))),
            running=_all(told.items("running"), _running),
            running_left_out=told.whole("running_left_out") or 0,
            events=_all(told.items("events"), _event),
            quarantined=_all(told.items("quarantined"), _quarantine),
            document=document,
        )

    @property
    def open_trials(self) -> int:
        """Trials that run, or wait for a job."""
        return self.trials.get("running", 0) + self.trials.get("offered", 0)


@dataclass(frozen=True, slots=True)
class _Told:
    """An object of the document; None where a value is missing or of another kind."""

    values: Mapping[str, Any]

    def number(self, name: str) -> float | None:
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        return float(value) if math.isfinite(value) else None

    def whole(self, name: str) -> int | None:
        value = self.values.get(name)
        return value if type(value) is int and 0 <= value <= MOST_WHOLE else None

    def time(self, name: str) -> float | None:
        value = self.number(name)
        return value if value is not None and 0 <= value < LATEST_S else None

    def text(self, name: str) -> str:
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def below(self, name: str) -> Mapping[str, Any]:
        value = self.values.get(name)
        return value if isinstance(value, dict) else {}

    def rows(self, name: str) -> list[list[Any]]:
        return [row for row in self._list(name) if isinstance(row, list)]

    def items(self, name: str) -> list[_Told]:
        return [_Told(item) for item in self._list(name) if isinstance(item, dict)]

    def _list(self, name: str) -> list[Any]:
        value = self.values.get(name)
        return value[:MOST_ITEMS] if isinstance(value, list) else []


def _all(items: Iterable[_Told], one: Callable[[_Told], T | None]) -> tuple[T, ...]:
    found = (one(item) for item in items)
    return tuple(item for item in found if item is not None)


def _counts(found: Mapping[str, Any]) -> dict[str, int]:
    told = _Told(found)
    counts = {name: told.whole(name) for name in found}
    return {name: count for name, count in counts.items() if count is not None}


def _beat(told: _Told, updated: float | None) -> Beat:
    every_s = told.number("beat_every_s")
    beat = told.time("beat")
    return Beat(
        at=updated if beat is None else beat,
        every_s=EVERY_S if every_s is None or every_s <= 0 else every_s,
        host=told.text("host"),
        pid=told.whole("pid"),
        job_id=told.text("job_id") or None,
    )


def _rung(told: _Told) -> RungCount | None:
    rung = told.whole("rung")
    if rung is None:
        return None
    return RungCount(
        bracket=told.whole("bracket") or 0,
        rung=rung,
        level=told.whole("level"),
        results=told.whole("results") or 0,
        of=told.whole("of"),
        running=told.whole("running") or 0,
        promoted=told.whole("promoted") or 0,
    )


def _step(told: _Told) -> Step | None:
    at, error = told.time("time"), told.number("error")
    if at is None or error is None:
        return None
    return Step(
        at,
        error,
        trial_id=told.whole("trial_id"),
        resource=told.whole("resource"),
        wallclock_s=told.number("wallclock_s"),
        hours=told.number("hours"),
    )


def _jobs(told: _Told) -> Jobs:
    reasons = _all(told.items("reasons"), _reason)
    if not reasons:  # of an older version
        reasons = tuple(
            WaitReason(reason, count) for reason, count in _counts(told.below("waiting")).items()
        )
    return Jobs(
        queued=told.whole("queued") or 0,
        running=told.whole("running") or 0,
        reasons=reasons,
        next_start=told.time("next_start"),
    )


def _reason(told: _Told) -> WaitReason | None:
    count = told.whole("count")
    if not count:
        return None
    setting = told.text("setting") or None
    return WaitReason(told.text("reason"), count, told.text("text"), setting)


def _seat(row: list[Any]) -> SeatCount | None:
    told = _Told(dict(zip(("time", "running", "waiting"), row, strict=False)))
    at, running = told.time("time"), told.whole("running")
    return None if at is None or running is None else SeatCount(at, running, told.whole("waiting"))


def _failure(told: _Told) -> FailureKind | None:
    count = told.whole("count")
    if not count:
        return None
    trial_id, message = told.whole("trial_id"), told.text("message")
    return FailureKind(told.text("cause"), count, trial_id, message, told.below("config"))


def _forecast(told: _Told) -> Forecast | None:
    end = told.time("end")
    if end is None:
        return None
    earliest, latest = told.time("earliest"), told.time("latest")
    return Forecast(
        end,
        earliest=end if earliest is None else min(end, earliest),
        latest=end if latest is None else max(end, latest),
        hours=told.number("hours"),
        hours_low=told.number("hours_low"),
        hours_high=told.number("hours_high"),
    )


def _running(told: _Told) -> RunningTrial | None:
    trial_id = told.whole("trial_id")
    if trial_id is None:
        return None
    return RunningTrial(
        trial_id,
        job_id=told.text("job_id") or None,
        attempt=told.whole("attempt") or 0,
        node=told.text("node"),
        since=told.time("since"),
        rung=told.whole("rung"),
        target=told.whole("target"),
        resource=told.whole("resource"),
        error=told.number("error"),
    )


def _event(told: _Told) -> ToldEvent | None:
    at = told.time("time")
    return None if at is None else ToldEvent(at, told.text("text"), told.text("level") or "info")


def _quarantine(told: _Told) -> Quarantine | None:
    until, node = told.time("until"), told.text("node")
    return None if until is None or not node else Quarantine(node, until, told.text("reason"))
