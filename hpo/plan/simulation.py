"""One campaign in virtual time, in a folder that is removed again, and what it came to.

The package's own manager, scheduler, offers, legs and journal, on the simulated cluster; only the
objective is invented.
"""

from __future__ import annotations

import logging
import math
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from hpo.cluster.simulated.clock import SimulatedClock
from hpo.cluster.simulated.cluster import SimulatedCluster
from hpo.cluster.simulated.lives import DEFAULT_EPOCHS
from hpo.cluster.simulated.model import ClusterModel
from hpo.decisions.limits import Limits, SeatLimits
from hpo.decisions.scheduler import Scheduler
from hpo.folder.files import Layout, publish_json
from hpo.folder.journal import Header, Journal, read_events
from hpo.folder.opening import settled
from hpo.job.orders import LegSettings
from hpo.manager.loop import Manager, Surroundings
from hpo.plan.assumptions import Assumptions
from hpo.record import events as ev
from hpo.record.goal import Goal
from hpo.record.result import Outcome as LegOutcome
from hpo.search.random import AsyncRandomSearch
from hpo.settings.limits import search_limits, seat_limits
from hpo.settings.spec import CampaignSpec

HEADER = Header("plan", "0123456789abcdef")
EXECUTOR = "simulated"
QUIET_S = 1800.0  # where nothing happens, the manager looks less often than a real one
LONGEST_S = 100 * 365 * 86400.0  # a campaign that takes longer will not end
# Sigma of the rates of learning curves: fast learners at the first rung are not always the best at
# the last. Where early values say nothing about late ones halving would be pointless.
RATE_SPREAD = 0.6


@dataclass(frozen=True, slots=True)
class Question:
    """One campaign to simulate: these settings, this many trials, this cluster.

    With `bound` each job is submitted for one leg, when another ends, and waits with it.
    """

    spec: CampaignSpec
    n_trials: int
    assumed: Assumptions
    seed: int
    bound: bool = False

    @property
    def seats(self) -> int:
        """Jobs that can run at once."""
        return min(self.assumed.seats, self.spec.hpo.max_concurrent_jobs)

    def model(self) -> ClusterModel:
        """The cluster."""
        model = self.assumed.model(self.spec, self.seed)
        return replace(model, bound_at_submission=True, legs_per_job=1) if self.bound else model

    def seat_limits(self) -> SeatLimits:
        """The bounds on jobs: those of a real campaign, or one job for each leg that runs."""
        limits = seat_limits(self.spec, EXECUTOR)
        # Simulated jobs do not tell what memory they use, so that nothing is learned of it.
        limits = replace(limits, mem_mb=self.spec.slurm.mem_mb, learn_mem_to=0)
        if not self.bound:
            return limits
        return replace(limits, max_queued_jobs=self.seats, queue_ahead=0)

    def limits(self) -> Limits:
        """The bounds on the search, less those that would end it early."""
        limits = search_limits(self.spec, self.spec.slurm.max_mem_mb, EXECUTOR)
        return replace(
            limits,
            n_trials=self.n_trials,
            learn_mem=False,
            fresh=False,  # random search stands in, and suggests the same
            max_wallclock_s=None,
            max_seat_s=None,
            target_metric=None,
            max_initial_failures=0,
            # As many as seats can take in between: a longer list costs time and changes nothing.
            offers_ahead=min(limits.offers_ahead, 2 * self.seats + 32),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one simulated campaign came to; times in s, virtual.

    Attributes:
        time_s: from the start of the campaign to the end of its last leg.
        legs: how many legs got to each rung.
        epochs: trained, those trained twice included.
        cut: legs that a time limit or a preemption ended early.
        failed: trials that came to nothing, say because no epoch fits in `time`.
        completed: trials that came to their last epoch.
        held_s: seat time from the starts of jobs to their ends: what is charged.
        busy_s: of it, on legs.
        jobs: lives of jobs.
        calls: to the scheduler, by their kind.
    """

    time_s: float
    legs: dict[int, int]
    epochs: int
    cut: int
    failed: int
    completed: int
    held_s: float = 0.0
    busy_s: float = 0.0
    jobs: int = 0
    calls: dict[str, int] = field(default_factory=dict)

    def utilisation(self, seats: int) -> float:
        """The share of `seats` that was busy with legs."""
        return self.busy_s / (seats * self.time_s) if self.time_s > 0.0 else 0.0


def simulate(question: Question) -> Outcome:
    """Run the campaign to its end.

    Raises:
        OSError: there is no room for its files.
    """
    with _folder() as root, _quiet():
        layout = Layout(settled(root) / "campaign")
        layout.create()
        publish_json(layout.campaign, {"seat": {}})
        clock = SimulatedClock(most_s=QUIET_S)
        manager, cluster = _build(question, layout, clock)
        manager.run()
        lives = cluster.lives
        return replace(
            _told(read_events(layout.journal)),
            held_s=lives.charged_s(),
            busy_s=lives.use.busy_s,
            jobs=lives.use.started,
            calls=dict(cluster.calls),
        )


def _build(
    question: Question, layout: Layout, clock: SimulatedClock
) -> tuple[Manager, SimulatedCluster]:
    spec, model = question.spec, question.model()
    hpo, asha = spec.hpo, spec.asha()
    max_t = spec.space.constant_int(hpo.max_resource_attr) or DEFAULT_EPOCHS
    objective = make_objective(
        seed=model.seed, max_t=max_t if asha is None else asha.max_t, goal=spec.goal
    )
    settings = LegSettings(
        campaign=HEADER.campaign,
        objective="hpo.plan:none",
        pythonpath=[],
        goal=spec.goal,
        checkpoint_interval=hpo.checkpoint_interval,
        claim_timeout=hpo.claim_timeout,
    )
    cluster = SimulatedCluster(layout, clock, model, settings, lambda: objective)
    manager = Manager(
        Surroundings(layout, cluster, clock, lambda: clock.now() > LONGEST_S),
        Journal(layout.journal, HEADER),
        Scheduler(
            AsyncRandomSearch(spec.space, model.seed, hpo.points_to_evaluate),
            question.limits(),
            spec.legs(),
        ),
        question.seat_limits(),
        goal=spec.goal,
    )
    return manager, cluster


def _told(events: Iterable[ev.Event]) -> Outcome:
    """What the journal tells; the rest is the cluster's."""
    legs: Counter[int] = Counter()
    epochs: Counter[int] = Counter()
    twice = cut = hopeless = completed = 0
    ended_at = 0.0
    for event in events:
        match event:
            case ev.LegFinished(result=told):
                epochs[event.trial_id] = max(epochs[event.trial_id], told.resource)
                ended_at = event.time
                legs[event.rung] += told.outcome is LegOutcome.COMPLETED
                cut += told.outcome is LegOutcome.INTERRUPTED
            case ev.LegLost():
                twice += event.lost_resource
                cut += 1
            case ev.TrialFailed():
                hopeless += 1
            case ev.TrialCompleted():
                completed += 1
            case _:
                pass
    return Outcome(
        time_s=ended_at,
        legs=dict(legs),
        epochs=epochs.total() + twice,
        cut=cut,
        failed=hopeless,
        completed=completed,
    )


def error_at(seed: int, trial_id: int, share: float) -> float:
    """The error, from 1 down, after that share (0 to 1) of the longest training."""
    random = np.random.default_rng([seed, trial_id, 3, 0, 21])
    floor, rate = float(random.beta(2.0, 3.0)), 5.0 * float(random.lognormal(0.0, RATE_SPREAD))
    return floor + (1.0 - floor) * math.exp(-rate * share)


def make_objective(
    *, seed: int, max_t: int, goal: Goal
) -> Callable[[Mapping[str, Any], Any], None]:
    """An objective that reports once, at the end of its leg, and goes on from its checkpoint."""

    def objective(config: Mapping[str, Any], trial: Any) -> None:
        del config
        trial.restore(state={"trained": 0})
        end = trial.max_resource or max_t
        if trial.resource < end:
            value = goal.key(error_at(seed, trial.trial_id, end / max_t))
            trial.report(**{goal.resource: end, goal.metric: value})

    return objective


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder in memory where there is one, because small files are written by the thousand."""
    memory = Path("/dev/shm")
    where = memory if os.access(memory, os.W_OK | os.X_OK) else None
    with tempfile.TemporaryDirectory(prefix="hpo-plan-", dir=where) as root:
        yield Path(root)


@contextmanager
def _quiet() -> Iterator[None]:
    """What the manager of an invented campaign says is no news."""
    log = logging.getLogger("hpo")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
