"""A cluster in virtual time: queue waits, running limits, preemption, node failures, memory.

Owns its clock and its jobs. The jobs use the campaign's real files through the same `offers` and
`leg` code as real ones, so that what is tried here is the protocol itself. Everything random comes
from (seed, job, life), never from the order of calls: equal campaigns are equal to the byte.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from hpo import offers, stop_request
from hpo.causes import Cause
from hpo.cluster.simulated_clock import LegTime, SimulatedClock
from hpo.errors import PollError
from hpo.files import Layout
from hpo.leg import LegSettings, Surroundings, finish_leg, run_leg
from hpo.seats import JobPhase, JobStatus
from hpo.storage import Patience, StorageTrouble

NO_PATIENCE = Patience(report_s=0.0, result_s=0.0)  # a leg takes no time of its own here


@dataclass(frozen=True, slots=True)
class ClusterModel:
    """What the simulated cluster is like; times in s."""

    seats: int = 8
    queue_wait_s: float = 300.0  # mean of an exponential
    start_s: float = 10.0  # from the start of a job to its first look for an offer
    epoch_s: float = 60.0  # median over trials
    epoch_spread: float = 0.5  # sigma of a log-normal: some trials take much longer
    preemption_rate: float = 0.0  # chance that one life of a job is preempted and requeued
    failure_rate: float = 0.0  # chance that one life of a job ends with its node
    requeue_s: float = 120.0
    mem_mb: int = 4096  # of a job that asks for no more
    oom_rate: float = 0.0  # chance that a trial needs more, up to twice as much
    seed: int = 0


@dataclass(slots=True)
class _Job:
    number: int
    array: int
    at_once: int
    mem_mb: int
    phase: JobPhase = JobPhase.QUEUED
    eligible_at: float = 0.0
    lives: int = 0
    status: JobStatus = field(default_factory=lambda: JobStatus(JobPhase.QUEUED))

    @property
    def job_id(self) -> str:
        return f"{self.array}_{self.number}"


class SimulatedCluster:
    """Jobs in virtual time; see `hpo.cluster.base.Cluster`."""

    name = "simulated"
    has_queue = True
    tick_s = 1.0
    poll_s = 0.0
    result_grace_s = 0.0
    vanish_s = 0.0
    capacity: int | None = None

    def __init__(
        self,
        layout: Layout,
        clock: SimulatedClock,
        model: ClusterModel,
        settings: LegSettings,
        load: Callable[[], Callable[..., Any]],
    ) -> None:
        self._layout = layout
        self._clock = clock
        self._model = model
        self._settings = settings
        self._load = load
        self._jobs: dict[str, _Job] = {}
        self._arrays = 0
        self.calls: dict[str, int] = {"submit": 0, "raise": 0, "limit": 0, "poll": 0, "cancel": 0}
        self.legs_run: list[tuple[int, int]] = []  # (trial, attempt) of each leg that was trained
        self.busy_s = 0.0  # seat time spent on legs

    def preflight(self) -> list[str]:
        """A simulated cluster takes every job."""
        return []

    def submit(
        self, count: int, *, at_once: int, mem_mb: int = 0, avoid: Collection[str] = ()
    ) -> list[str]:
        """Queue `count` jobs as one array."""
        del avoid  # its nodes are all alike
        self.calls["submit"] += 1
        self._arrays += 1
        jobs = [_Job(number, self._arrays, at_once, mem_mb) for number in range(count)]
        for job in jobs:
            self._jobs[job.job_id] = job
            self._enqueue(job, self._random(job).exponential(self._model.queue_wait_s))
        return [job.job_id for job in jobs]

    def raise_memory(self, job_ids: Collection[str], mem_mb: int) -> None:
        """For jobs that wait."""
        self.calls["raise"] += 1
        jobs = [self._jobs[job_id] for job_id in job_ids]
        for job in jobs:
            if job.phase is JobPhase.QUEUED:
                job.mem_mb, job.status = mem_mb, replace(job.status, mem_mb=mem_mb)
        if any(job.mem_mb != mem_mb for job in jobs):
            raise PollError("some of the jobs wait no more")

    def limit_array(self, array: str, at_once: int) -> None:
        """For its tasks that wait."""
        self.calls["limit"] += 1
        for job in self._jobs.values():
            if str(job.array) == array:
                job.at_once = at_once
        self._start_eligible()

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """All live jobs, and the end of the ones asked for."""
        self.calls["poll"] += 1
        asked = set(job_ids)
        ended = {i for i, job in self._jobs.items() if job.phase is JobPhase.ENDED}
        return {i: job.status for i, job in self._jobs.items() if i not in ended or i in asked}

    def avoid_nodes(self, job_ids: Collection[str], nodes: Collection[str]) -> None:
        """Its nodes are all alike."""

    def cancel_queued(self, job_ids: Collection[str]) -> None:
        """Drop waiting jobs."""
        self.calls["cancel"] += 1
        for job_id in job_ids:
            job = self._jobs.get(job_id)
            if job is not None and job.phase is JobPhase.QUEUED:
                self._end(job, Cause.CANCELLED, "cancelled while it waited")

    def cancel(self, job_ids: Collection[str]) -> None:
        """End jobs, waiting or running."""
        for job_id in job_ids:
            job = self._jobs.get(job_id)
            if job is not None and job.phase is not JobPhase.ENDED:
                job.lives += 1  # what its life has still to do is void
                self._end(job, Cause.CANCELLED, "cancelled")

    def last_words(self, job_id: str) -> str:
        """Simulated jobs print nothing."""
        del job_id
        return ""

    def failed_by_cluster(self, job_id: str) -> bool:
        """Simulated services are always there."""
        del job_id
        return False

    def is_job_gone(self, job_id: str) -> bool | None:
        """No manager runs as a simulated job."""
        del job_id
        return None

    def running(self) -> int:
        """Jobs that hold a seat now."""
        return sum(1 for job in self._jobs.values() if job.phase is JobPhase.RUNNING)

    def _random(self, job: _Job) -> np.random.Generator:
        return np.random.default_rng([self._model.seed, job.array, job.number, job.lives])

    def _enqueue(self, job: _Job, wait_s: float) -> None:
        job.phase = JobPhase.QUEUED
        job.status = JobStatus(JobPhase.QUEUED, reason="Priority", mem_mb=job.mem_mb)
        job.eligible_at = self._clock.now() + wait_s
        self._clock.at(job.eligible_at, self._start_eligible)

    def _start_eligible(self) -> None:
        running = [job for job in self._jobs.values() if job.phase is JobPhase.RUNNING]
        per_array: dict[int, int] = {}
        for job in running:
            per_array[job.array] = per_array.get(job.array, 0) + 1
        free = self._model.seats - len(running)
        now = self._clock.now()
        waiting = [
            job
            for job in self._jobs.values()
            if job.phase is JobPhase.QUEUED and job.eligible_at <= now
        ]
        for job in sorted(waiting, key=lambda job: (job.eligible_at, job.array, job.number)):
            if free > 0 and per_array.get(job.array, 0) < job.at_once:
                self._start(job)
                free -= 1
                per_array[job.array] = per_array.get(job.array, 0) + 1

    def _start(self, job: _Job) -> None:
        job.phase, job.lives = JobPhase.RUNNING, job.lives + 1
        job.status = JobStatus(JobPhase.RUNNING, node=f"node{job.number % 8}", mem_mb=job.mem_mb)
        ready = self._clock.now() + self._model.start_s
        deadline = ready + self._settings.claim_timeout
        self._clock.at(ready, lambda: self._look(job, job.lives, deadline))

    def _look(self, job: _Job, life: int, deadline: float) -> None:
        if life != job.lives or job.phase is not JobPhase.RUNNING:
            return
        now = self._clock.now()
        memory = job.mem_mb or self._model.mem_mb
        try:
            if life > 1:
                offers.give_back(self._layout, job.job_id)
            if stop_request.stands(self._layout):
                self._end(job, Cause.KILLED, "the campaign was stopped", ok=True)
                return
            taken = offers.claim_best(self._layout, job.job_id, mem_mb=memory)
        except OSError as err:
            self._end(job, Cause.STORAGE, str(err))
            return
        if taken is not None:
            self._train(job, *taken)
        elif now >= deadline:
            self._end(job, Cause.KILLED, "found no offer", ok=True)
        else:
            self._clock.at(min(now + 5.0, deadline), lambda: self._look(job, life, deadline))

    def _train(self, job: _Job, claim: offers.Leg, offer: Mapping[str, Any]) -> None:
        model, start = self._model, self._clock.now()
        random = self._random(job)
        speed = np.random.default_rng([model.seed, claim.trial_id]).lognormal(0, model.epoch_spread)
        epoch_s = model.epoch_s * float(speed)
        duration = epoch_s * max(1, (offer.get("target") or 10) - offer.get("start", 0))
        fate = float(random.random())
        if fate < model.preemption_rate + model.failure_rate:
            cut = start + duration * float(random.random())
            preempted = fate < model.preemption_rate
            self._clock.at(cut, lambda: self._cut_short(job, cut - start, preempted=preempted))
            return
        if self._needed_mb(claim.trial_id) > (job.mem_mb or model.mem_mb):
            cut = start + duration * float(random.random())
            self._clock.at(cut, lambda: self._run_out_of_memory(job, cut - start))
            return
        end = start + duration

        def finish() -> None:
            if job.phase is not JobPhase.RUNNING:
                return  # cancelled
            time = LegTime(start, end, epoch_s)
            here = Surroundings(job.job_id, job.status.node, time, patience=NO_PATIENCE)
            self.busy_s += duration
            try:
                result = run_leg(self._layout, claim, offer, self._load, self._settings, here)
                finish_leg(self._layout, claim, result, NO_PATIENCE)
            except StorageTrouble as err:
                self._end(job, Cause.STORAGE, str(err))
                return
            self.legs_run.append((claim.trial_id, claim.attempt))
            self._end(job, Cause.KILLED, "ended by itself", ok=True)

        self._clock.at(end, finish)

    def _cut_short(self, job: _Job, spent_s: float, *, preempted: bool) -> None:
        if job.phase is not JobPhase.RUNNING:
            return  # cancelled
        self.busy_s += spent_s
        if not preempted:
            self._end(job, Cause.NODE_FAILED, "its node failed")
            return
        self._enqueue(job, self._model.requeue_s)
        self._start_eligible()

    def _needed_mb(self, trial_id: int) -> float:
        random = np.random.default_rng([self._model.seed, trial_id, 2])
        if float(random.random()) >= self._model.oom_rate:
            return 0.0
        return self._model.mem_mb * (1.0 + float(random.random()))

    def _run_out_of_memory(self, job: _Job, spent_s: float) -> None:
        self.busy_s += spent_s
        self._end(job, Cause.OUT_OF_MEMORY, "it needed more memory than it had")

    def _end(self, job: _Job, cause: Cause, detail: str, *, ok: bool = False) -> None:
        job.phase = JobPhase.ENDED
        node = job.status.node
        job.status = JobStatus(JobPhase.ENDED, cause=cause, detail=detail, ok=ok, node=node)
        self._start_eligible()
