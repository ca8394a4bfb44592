"""A cluster in virtual time: queue waits, running limits, time limits, preemption, node failures.

Owns the answers to the manager. What the cluster is like is `simulated_model`'s, who may start
`simulated_jobs`', what becomes of a job `simulated_lives`', a leg's work `simulated_training`'s.
Jobs use the campaign's real files through the same `offers` and `leg` code as real ones, so that
what is tried here is the protocol itself. Equal campaigns are equal to the byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from hpo.cluster.protocol import ClusterTraits
from hpo.cluster.simulated.clock import SimulatedClock
from hpo.cluster.simulated.jobs import SimulatedJob
from hpo.cluster.simulated.lives import SeatLives
from hpo.cluster.simulated.model import ClusterModel
from hpo.errors import PollError
from hpo.folder.files import Layout
from hpo.job.orders import LegSettings
from hpo.record.causes import Cause
from hpo.seats.book import JobPhase, JobStatus
from hpo.seats.orders import Avoid, Cancel, Change, LimitArray, Raise, Shrink, Submit
from hpo.units.sizes import Size


class SimulatedCluster:
    """Jobs in virtual time; see `hpo.cluster.protocol.Cluster`."""

    def __init__(
        self,
        layout: Layout,
        clock: SimulatedClock,
        model: ClusterModel,
        settings: LegSettings,
        load: Callable[[], Callable[..., Any]],
    ) -> None:
        self.lives = SeatLives(layout, clock, model, settings, load)
        self.traits = ClusterTraits(has_queue=True, tick_s=model.tick_s, poll_s=model.poll_s)
        self.others = 0
        self.calls: Counter[str] = Counter()  # by what was called for
        self._model = model
        self._jobs: dict[str, SimulatedJob] = {}
        self._arrays = 0

    def submit(self, order: Submit) -> list[str]:
        """Queue jobs as one array."""
        self.calls["submit"] += 1
        self._arrays += 1
        size = order.size.known_or(Size(time_min=self._model.time_min))
        numbers = range(order.count)
        jobs = [SimulatedJob(self._arrays, number, order.at_once, size) for number in numbers]
        for job in jobs:
            self._jobs[job.job_id] = job
            self.lives.submit(job)
        return [job.job_id for job in jobs]

    def change(self, order: Change) -> None:
        """For jobs that wait: the rest of the wait shrinks as that of a new job would."""
        self.calls[type(order).__name__.lower()] += 1
        match order:
            case Raise():
                for job in self._queued(order.job_ids):
                    job.resize(Size(order.mem_mb, job.size.time_min))
                if any(self._jobs[i].size.mem_mb != order.mem_mb for i in order.job_ids):
                    raise PollError("some of the jobs wait no more")
            case Shrink():
                for job in self._queued(order.job_ids):
                    self.lives.shrink(job, order.size.known_or(job.size))
            case LimitArray():
                self.lives.limit_array(int(order.array), order.at_once)
            case Avoid():
                pass  # its nodes are all alike
            case Cancel():
                ids = order.job_ids
                for job in self._live(ids) if order.running else self._queued(ids):
                    self.lives.end(job, Cause.CANCELLED, "cancelled")

    def _live(self, job_ids: Iterable[str]) -> list[SimulatedJob]:
        return [self.lives.live[job_id] for job_id in job_ids if job_id in self.lives.live]

    def _queued(self, job_ids: Iterable[str]) -> list[SimulatedJob]:
        return [job for job in self._live(job_ids) if job.phase is JobPhase.QUEUED]

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """All live jobs, and the end of the ones asked for."""
        self.calls["poll"] += 1
        ended = [i for i in job_ids if i in self._jobs and i not in self.lives.live]
        return {i: self._jobs[i].status for i in (*ended, *self.lives.live)}

    def last_words(self, job_id: str) -> str:
        """Simulated jobs print nothing."""
        del job_id
        return ""

    def running(self) -> int:
        """Jobs that hold a seat now."""
        return self.lives.running
