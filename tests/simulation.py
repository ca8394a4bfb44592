"""A whole campaign in virtual time, with a manager that can be made to crash at any step."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpo.asha import Asha
from hpo.cluster.simulated import SimulatedCluster
from hpo.cluster.simulated_clock import SimulatedClock
from hpo.cluster.simulated_model import ClusterModel
from hpo.files import Layout, publish_json
from hpo.invariants import check
from hpo.journal import Header, Journal
from hpo.leg import LegSettings
from hpo.limits import SeatLimits
from hpo.manager import Manager, Surroundings
from hpo.scheduler import Limits, Scheduler
from hpo.search.random_search import AsyncRandomSearch
from hpo.space import read_space

SPACE = {"lr": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3], "width": list(range(8, 40)), "max_epochs": 3}
HEADER = Header("simulated", "0123456789abcdef")
WRITING = ("open", "os.rename", "os.remove", "os.truncate", "os.mkdir")


class CrashError(BaseException):
    """The manager's process is gone; nothing of it runs any more."""


def objective(config: dict[str, Any], trial: Any) -> None:
    for epoch in trial.epochs():
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.03) + 1.0 / epoch)


@dataclass
class CrashPoint:
    """Counts the manager's steps on files and cluster, and ends it before step `at`."""

    root: str
    at: int | None = None
    steps: int = 0
    armed: bool = False
    dead: bool = False

    def step(self) -> None:
        if not self.armed:
            return
        if self.dead:
            raise CrashError  # not even its clean-up happens
        self.steps += 1
        if self.steps == self.at:
            self.dead = True
            raise CrashError


@dataclass
class FaultPoint:
    """Counts the steps of manager and jobs on files, and fails at step `at`, or for a while then.

    Without room (`number` is ENOSPC or EDQUOT) only what writes fails.
    """

    root: str
    number: int
    at: int
    now: Callable[[], float]
    lasts_s: float = 0.0
    steps: int = 0
    until: float = float("-inf")
    failed: int = 0

    def step(self, event: str, path: str, flags: int = os.O_WRONLY) -> None:
        full = self.number in (errno.ENOSPC, errno.EDQUOT)
        if full and (event in LISTING or event == "os.remove" or not flags & WRITE_FLAGS):
            return
        self.steps += 1
        if self.steps == self.at:
            self.until = self.now() + self.lasts_s
        if self.steps == self.at or self.now() < self.until:
            self.failed += 1
            raise OSError(self.number, os.strerror(self.number), path)


LISTING = ("os.listdir", "os.scandir")
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_points: list[CrashPoint | FaultPoint] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _points or event not in (*WRITING, *LISTING):
        return
    point = _points[-1]
    path = arguments[0]
    if not isinstance(path, (str, bytes)) or not os.fsdecode(path).startswith(point.root):
        return
    if isinstance(point, FaultPoint):
        flags = arguments[2] if event == "open" else os.O_WRONLY
        point.step(event, os.fsdecode(path), flags)
    elif event in WRITING:
        point.step()


sys.addaudithook(_audit)


@contextmanager
def crashes(root: Path) -> Iterator[CrashPoint]:
    point = CrashPoint(str(root))
    _points.append(point)
    try:
        yield point
    finally:
        _points.remove(point)


@contextmanager
def fails(point: FaultPoint) -> Iterator[FaultPoint]:
    _points.append(point)
    try:
        yield point
    finally:
        _points.remove(point)


@dataclass
class Campaign:
    """One simulated campaign; `start_manager` as often as it takes."""

    root: Path
    model: ClusterModel = field(default_factory=ClusterModel)
    n_trials: int = 20
    at_once: int = 8
    max_queued: int = 450
    seed: int = 0
    space: dict[str, Any] = field(default_factory=lambda: dict(SPACE))
    objective: Callable[..., Any] = objective
    limits: dict[str, Any] = field(default_factory=dict)
    seat_limits: dict[str, Any] = field(default_factory=dict)
    downtime_s: float = 0.0
    asha: Asha | None = None

    def __post_init__(self) -> None:
        self.layout = Layout(self.root)
        self.layout.create()
        settings = LegSettings(
            "simulated", "tests:objective", [], "validation_error", "min", "epoch", 1, 30.0
        )
        publish_json(self.layout.campaign, {"seat": {}})
        self.clock = _GatedClock()
        self.cluster = _GatedCluster(
            self.layout, self.clock, self.model, settings, lambda: self.objective
        )

    def manager(self) -> Manager:
        journal = Journal(self.layout.journal, HEADER)
        space, problems = read_space(self.space)
        assert not problems
        limits = Limits(n_trials=self.n_trials, **self.limits)
        return Manager(
            Surroundings(self.layout, self.cluster, self.clock, lambda: False),
            journal,
            Scheduler(AsyncRandomSearch(space, self.seed), limits, self.asha),
            SeatLimits(
                self.at_once,
                self.max_queued,
                **({"mem_mb": self.limits.get("mem_mb", 0)} | self.seat_limits),
            ),
            metric="validation_error",
            mode="min",
        )

    def run(self) -> Manager:
        """To the end, without a crash."""
        manager = self.manager()
        assert manager.run()
        assert check(manager.state) == []
        return manager

    def run_crashing(self, next_crash: Callable[[], int | None]) -> tuple[Manager, int]:
        """To the end, with a new manager after each crash; `next_crash` says after how many steps.

        Returns the last manager and the number of crashes.
        """
        happened = 0
        with crashes(self.root) as point:
            self.clock.point = self.cluster.point = point
            while True:
                point.at, point.steps, point.dead, point.armed = next_crash(), 0, False, True
                try:
                    manager = self.manager()
                    assert manager.run()
                except CrashError:
                    point.armed = False
                    happened += 1
                    assert happened < 10_000, "the campaign does not end"
                    self.clock.advance(self.downtime_s)
                    continue
                point.armed = False
                assert check(manager.state) == []
                return manager, happened

    def run_failing(self, point: FaultPoint) -> Manager:
        """To the end, started again by its user where the journal cannot even be opened."""
        with fails(point):
            while True:
                try:
                    manager = self.manager()
                    break
                except OSError:
                    self.clock.sleep(60.0)
            assert manager.run()
        assert check(manager.state) == []
        return manager

    def journal_bytes(self) -> bytes:
        return self.layout.journal.read_bytes()


class _GatedClock(SimulatedClock):
    """The jobs live while the manager sleeps or is dead; its crash point does not count them."""

    point: CrashPoint | None = None

    def sleep(self, seconds: float) -> None:
        armed = self.point is not None and self.point.armed
        if self.point is not None:
            self.point.armed = False
        super().sleep(seconds)
        if self.point is not None:
            self.point.armed = armed

    def advance(self, seconds: float) -> None:
        until = self.now() + seconds
        while self.now() < until:
            super().sleep(min(10.0, until - self.now()))


class _GatedCluster(SimulatedCluster):
    """A call to the cluster is a step, before and after."""

    point: CrashPoint | None = None

    def submit(
        self,
        count: int,
        *,
        at_once: int,
        mem_mb: int = 0,
        time_min: int = 0,
        avoid: Collection[str] = (),
    ) -> list[str]:
        self._step()
        job_ids = super().submit(
            count, at_once=at_once, mem_mb=mem_mb, time_min=time_min, avoid=avoid
        )
        self._step()
        return job_ids

    def raise_memory(self, job_ids: Any, mem_mb: int) -> None:
        self._step()
        super().raise_memory(job_ids, mem_mb)
        self._step()

    def poll(self, job_ids: Any) -> Any:
        self._step()
        return super().poll(job_ids)

    def cancel_queued(self, job_ids: Any) -> None:
        self._step()
        super().cancel_queued(job_ids)
        self._step()

    def _step(self) -> None:
        if self.point is not None:
            self.point.step()
