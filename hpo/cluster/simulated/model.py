"""What a simulated cluster is like, as numbers.

Owns the assumptions, and what follows from them for one job or one leg: how long it waits, runs,
and what cuts it short. Everything random comes from (seed, job, life) or (seed, trial), never from
the order of calls. Does nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hpo.cluster.simulated.arrival import Arrival, Exponential, one_share

WAITS, LIVES = 11, 12  # streams of random numbers; five numbers meet no other stream


@dataclass(frozen=True, slots=True)
class ClusterModel:
    """What the simulated cluster is like; times in s unless the name says otherwise.

    Attributes:
        seats: jobs of the campaign that the cluster has room for.
        qos_jobs: jobs that one user may run; None: no limit of that kind.
        queue_wait_s: mean of an exponential, where `arrival` does not say more.
        arrival: how long jobs wait.
        straggle: how far apart jobs start that were submitted together: the first waits as one job
            does, each other that long x (1 + straggle x an exponential). None: all waits are
            independent, so that the first of many starts far sooner than one alone would.
        start_s: from the start of a job to its first look for an offer: interpreter, imports.
        load_s: from a claim to the first epoch: data, model, checkpoint. A seat that goes on with
            the trial that it has just trained does not pay it.
        epoch_s: median over trials.
        epoch_spread: sigma of a log-normal over trials; 1 is a heavy tail.
        preemption_rate: chance that a job's leg is preempted, losing all of it, and requeued.
        failure_rate: chance that a job's leg ends with its node, losing all of it.
        preemptions_per_hour: of running time; the job is told `grace_s` before it is killed, saves
            at the next end of an epoch if that comes in time, and is requeued.
        failures_per_hour: of running time; what was saved is kept.
        grace_s: from the signal of a preemption to its end.
        requeue_s: until a requeued job may start; after `preemptions_per_hour` it waits besides.
        time_min: limit of jobs that ask for no other, in min; None: there is none.
        legs_per_job: how many legs a job may run; None: as many as its time allows.
        bound_at_submission: a job takes its leg when it is submitted and waits with it, as tools do
            that submit the next trial when one ends. Shown to the manager as running.
        mem_mb: memory of a job that asks for no more, in MB.
        oom_rate: chance that a trial needs more, up to twice as much.
        poll_s: least time between two polls.
        tick_s: how often the manager looks at the files.
    """

    seats: int = 8
    qos_jobs: int | None = None
    queue_wait_s: float = 300.0
    arrival: Arrival | None = None
    straggle: float | None = None
    start_s: float = 10.0
    load_s: float = 0.0
    epoch_s: float = 60.0
    epoch_spread: float = 0.5
    preemption_rate: float = 0.0
    failure_rate: float = 0.0
    preemptions_per_hour: float = 0.0
    failures_per_hour: float = 0.0
    grace_s: float = 30.0
    requeue_s: float = 120.0
    time_min: int | None = None
    legs_per_job: int | None = 1
    bound_at_submission: bool = False
    mem_mb: int = 4096
    oom_rate: float = 0.0
    poll_s: float = 0.0
    tick_s: float = 1.0
    seed: int = 0

    @property
    def room(self) -> int:
        """Jobs that can run at once."""
        return self.seats if self.qos_jobs is None else min(self.seats, self.qos_jobs)

    def wait_s(self, array: int, number: int, life: int, limit_min: int | None) -> float:
        """How long a job waits for its next life."""
        arrival = self.arrival or Exponential(self.queue_wait_s)
        own = self.random(array, number, life, WAITS)
        # A requeued job is on its own again.
        if self.straggle is None or life > 0 or number == 0:
            return arrival.wait_s(one_share(own), limit_min)
        first = self.random(array, 0, life, WAITS)
        later = 1.0 + self.straggle * float(own.exponential())
        return arrival.wait_s(one_share(first), limit_min) * later

    def strikes_s(self, array: int, number: int, life: int) -> tuple[float, float]:
        """After how much running a life is preempted, and its node fails; infinite: never."""
        random = self.random(array, number, life, LIVES)
        preempted, failed = random.exponential(), random.exponential()
        return _after_s(preempted, self.preemptions_per_hour), _after_s(
            failed, self.failures_per_hour
        )

    def epoch_of_trial_s(self, trial_id: int) -> float:
        """How long an epoch of the trial takes."""
        speed = np.random.default_rng([self.seed, trial_id]).lognormal(0, self.epoch_spread)
        return self.epoch_s * float(speed)

    def memory_of_trial_mb(self, trial_id: int) -> float:
        """The memory that the trial needs, where it is more than every job has; else 0."""
        random = np.random.default_rng([self.seed, trial_id, 2])
        if float(random.random()) >= self.oom_rate:
            return 0.0
        return self.mem_mb * (1.0 + float(random.random()))

    def random(self, *key: int) -> np.random.Generator:
        """The random numbers of one thing."""
        return np.random.default_rng([self.seed, *key])


def _after_s(draw: float, per_hour: float) -> float:
    return 3600.0 * draw / per_hour if per_hour > 0.0 else math.inf
