"""A cluster in virtual time: queue waits, running limits, time limits, preemption, node failures.

Owns the answers to the manager. What the cluster is like is `simulated_model`'s, who may start
`simulated_jobs`', what becomes of a job `simulated_lives`', a leg's work `simulated_training`'s.
Jobs use the campaign's real files through the same `offers` and `leg` code as real ones, so that
what is tried here is the protocol itself. Equal campaigns are equal to the byte.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from hpo.cluster.simulated.clock import SimulatedClock
from hpo.cluster.simulated.jobs import SimulatedJob
from hpo.cluster.simulated.lives import SeatLives
from hpo.cluster.simulated.model import ClusterModel
from hpo.errors import PollError
from hpo.folder.files import Layout
from hpo.job.leg import LegSettings
from hpo.record.causes import Cause
from hpo.seats.book import JobPhase, JobStatus


class SimulatedCluster:
    """Jobs in virtual time; see `hpo.cluster.base.Cluster`."""

    name = "simulated"
    has_queue = True
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
        self.lives = SeatLives(layout, clock, model, settings, load)
        self.tick_s = model.tick_s
        self.poll_s = model.poll_s
        self.calls: dict[str, int] = {
            "submit": 0,
            "raise": 0,
            "shrink": 0,
            "limit": 0,
            "poll": 0,
            "cancel": 0,
        }
        self._model = model
        self._jobs: dict[str, SimulatedJob] = {}
        self._arrays = 0

    def preflight(self) -> list[str]:
        """A simulated cluster takes every job."""
        return []

    def submit(
        self,
        count: int,
        *,
        at_once: int,
        mem_mb: int = 0,
        time_min: int = 0,
        avoid: Collection[str] = (),
    ) -> list[str]:
        """Queue `count` jobs as one array."""
        del avoid  # its nodes are all alike
        self.calls["submit"] += 1
        self._arrays += 1
        minutes = time_min or self._model.time_min
        jobs = [
            SimulatedJob(self._arrays, number, at_once, mem_mb, minutes) for number in range(count)
        ]
        for job in jobs:
            self._jobs[job.job_id] = job
            self.lives.submit(job)
        return [job.job_id for job in jobs]

    def raise_memory(self, job_ids: Collection[str], mem_mb: int) -> None:
        """For jobs that wait."""
        self.calls["raise"] += 1
        jobs = [self._jobs[job_id] for job_id in job_ids]
        for job in jobs:
            if job.phase is JobPhase.QUEUED:
                job.resize(mem_mb, job.time_min)
        if any(job.mem_mb != mem_mb for job in jobs):
            raise PollError("some of the jobs wait no more")

    def shrink(self, job_ids: Collection[str], *, mem_mb: int, time_min: int) -> None:
        """For jobs that wait: the rest of the wait shrinks as that of a new job would."""
        self.calls["shrink"] += 1
        for job_id in job_ids:
            job = self._jobs[job_id]
            if job.phase is JobPhase.QUEUED:
                self.lives.shrink(job, mem_mb or job.mem_mb, time_min or job.time_min)

    def limit_array(self, array: str, at_once: int) -> None:
        """For its tasks that wait."""
        self.calls["limit"] += 1
        self.lives.limit_array(int(array), at_once)

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """All live jobs, and the end of the ones asked for."""
        self.calls["poll"] += 1
        ended = [i for i in job_ids if i in self._jobs and i not in self.lives.live]
        return {i: self._jobs[i].status for i in (*ended, *self.lives.live)}

    def avoid_nodes(self, job_ids: Collection[str], nodes: Collection[str]) -> None:
        """Its nodes are all alike."""

    def cancel_queued(self, job_ids: Collection[str]) -> None:
        """Drop waiting jobs."""
        self.calls["cancel"] += 1
        for job_id in job_ids:
            job = self.lives.live.get(job_id)
            if job is not None and job.phase is JobPhase.QUEUED:
                self.lives.end(job, Cause.CANCELLED, "cancelled while it waited")

    def cancel(self, job_ids: Collection[str]) -> None:
        """End jobs, waiting or running."""
        for job_id in job_ids:
            if (job := self.lives.live.get(job_id)) is not None:
                self.lives.end(job, Cause.CANCELLED, "cancelled")

    def last_words(self, job_id: str) -> str:
        """Simulated jobs print nothing."""
        del job_id
        return ""

    def is_job_gone(self, job_id: str) -> bool | None:
        """No manager runs as a simulated job."""
        del job_id
        return None

    def running(self) -> int:
        """Jobs that hold a seat now."""
        return self.lives.running
