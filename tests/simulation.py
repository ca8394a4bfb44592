"""A whole campaign in virtual time, with a manager that can be made to crash at any step."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fault_points import CrashError, CrashPoint, FaultPoint, crashes, fails

from hpo.cluster.protocol import Clock
from hpo.cluster.simulated.clock import SimulatedClock
from hpo.cluster.simulated.cluster import SimulatedCluster
from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.asha import Asha
from hpo.decisions.limits import SeatLimits
from hpo.decisions.scheduler import Limits, Scheduler
from hpo.folder import all_results, requests
from hpo.folder.files import Layout, publish_json
from hpo.folder.journal import Header, Journal
from hpo.job.orders import LegSettings
from hpo.manager.campaign_clock import CampaignClock
from hpo.manager.loop import Manager, Surroundings
from hpo.record.goal import Goal
from hpo.record.requests import Request
from hpo.record.state import check
from hpo.search.random import AsyncRandomSearch
from hpo.search.searcher import Searcher
from hpo.seats.book import JobStatus
from hpo.seats.orders import Change, Submit
from hpo.space.space import read_space

SPACE = {"lr": [0.001, 0.003, 0.01, 0.03, 0.1, 0.3], "width": list(range(8, 40)), "max_epochs": 3}
HEADER = Header("simulated", "0123456789abcdef")
ROUGH = ClusterModel(seats=4, queue_wait_s=60.0, preemption_rate=0.1, failure_rate=0.05, seed=3)


def objective(config: dict[str, Any], trial: Any) -> None:
    for epoch in trial.epochs():
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.03) + 1.0 / epoch)


STEPS_S = [sign * step for step in (1.0, 600.0, 3600.0, 86400.0) for sign in (1.0, -1.0)]


@dataclass
class SteppedWall:
    """A wall clock that somebody sets at random, once in `one_in` looks at the campaign.

    Its managers run on one machine, or each on another one.
    """

    dice: random.Random
    one_in: int = 3
    one_machine: bool = True
    steps: int = 0
    wrong_s: float = 0.0
    managers: int = 0

    def clock_of(
        self, layout: Layout, latest: float | None, clock: SimulatedClock
    ) -> CampaignClock:
        """That of a manager that starts now; the first one starts at the right time."""
        self.managers += 1
        boot = "a machine" if self.one_machine else f"machine {self.managers}"

        def sleep(seconds: float) -> None:
            clock.sleep(seconds)
            if self.dice.randrange(self.one_in) == 0:
                self.steps += 1
                self.wrong_s = self.dice.choice([0.0, *STEPS_S])

        return CampaignClock(
            layout,
            latest,
            sleep,
            wall_s=lambda: clock.now() + self.wrong_s,
            steady_s=clock.now,
            boot=lambda: boot,
        )


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
    wall: SteppedWall | None = None  # of the managers' machine; None: it shows the virtual time
    asha: Asha | None = None
    searcher: Callable[..., Searcher] = AsyncRandomSearch

    def __post_init__(self) -> None:
        self.layout = Layout(self.root)
        self.layout.create()
        settings = LegSettings("simulated", "tests:objective", [], Goal(), 1, 30.0)
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
        clock: Clock = self.clock
        if self.wall is not None:
            clock = self.wall.clock_of(self.layout, journal.latest(), self.clock)
        return Manager(
            Surroundings(self.layout, self.cluster, clock, lambda: False),
            journal,
            Scheduler(self.searcher(space, self.seed), limits, self.asha, space),
            SeatLimits(
                self.at_once,
                self.max_queued,
                **({"mem_mb": self.limits.get("mem_mb", 0)} | self.seat_limits),
            ),
            goal=Goal(),
        )

    def ask_at(self, time: float, request: Request) -> None:
        """Somebody types a command at that virtual time."""
        self.clock.at(time, lambda: self.ask(request))

    def ask(self, request: Request) -> None:
        """Somebody types a command now."""
        requests.ask(self.layout, request)

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

    def told_bytes(self) -> bytes:
        """The same without what is random in the names of requests."""
        return re.sub(rb"(\d{16})-[0-9a-f]{16}", rb"\1", self.journal_bytes())


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

    def submit(self, order: Submit) -> list[str]:
        self._step()
        job_ids = super().submit(order)
        self._step()
        return job_ids

    def change(self, order: Change) -> None:
        self._step()
        super().change(order)
        self._step()

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        self._step()
        return super().poll(job_ids)

    def _step(self) -> None:
        if self.point is not None:
            self.point.step()


def require_same_results(campaign: Campaign, expected: Campaign) -> None:
    told = all_results.read(campaign.layout)
    for path in sorted(expected.layout.results.glob("trial_*.json")):
        ours = json.loads((campaign.layout.results / path.name).read_text())
        theirs = json.loads(path.read_text())
        assert (ours["status"], ours["error"], ours["config"]) == (
            theirs["status"],
            theirs["error"],
            theirs["config"],
        )
        line = told[ours["trial_id"]]
        known = ("status", "attempt", "error", "config")
        assert {key: line.get(key) for key in known} == {key: ours[key] for key in known}
    best = json.loads(expected.layout.final_results.read_text())["best_error"]
    assert json.loads(campaign.layout.final_results.read_text())["best_error"] == best
