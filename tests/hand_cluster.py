"""A cluster of which the test decides what happens to whom; it keeps to the limits of arrays."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from hpo.cluster.protocol import ClusterTraits
from hpo.errors import PollError
from hpo.record.causes import Cause
from hpo.seats.book import JobPhase, JobStatus
from hpo.seats.orders import Cancel, Change, LimitArray, Order, Raise, Shrink, Submit, array_of
from hpo.units.sizes import Size

DONE = JobStatus(JobPhase.ENDED, cause=Cause.KILLED, ok=True)


@dataclass
class HandCluster:
    """Its jobs, as squeue would tell of them, and what it was told; nothing happens by itself."""

    poll_s: float = 0.0
    jobs: dict[str, JobStatus] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)
    answers: bool = True  # of what it does not answer, all is carried out but `silent_about`
    silent_about: tuple[type[Order], ...] = ()
    others: int = 0

    @property
    def traits(self) -> ClusterTraits:
        return ClusterTraits(has_queue=True, tick_s=1.0, poll_s=self.poll_s, vanish_s=60.0)

    def submit(self, order: Submit) -> list[str]:
        assert 1 <= order.at_once <= order.count
        self.orders.append(order)
        array = str(len(self.limits) + 1)
        job_ids = [f"{array}_{number}" for number in range(order.count)]
        self.jobs |= dict.fromkeys(job_ids, JobStatus(JobPhase.QUEUED, size=order.size))
        self.limits[array] = order.at_once
        return job_ids

    def change(self, order: Change) -> None:
        self.orders.append(order)
        if isinstance(order, self.silent_about):
            raise PollError("scontrol: Access/permission denied")
        match order:
            case Raise():
                waiting = self.waiting(order.job_ids)
                for job_id in waiting:
                    size = Size(order.mem_mb, self.jobs[job_id].size.time_min)
                    self.jobs[job_id] = JobStatus(JobPhase.QUEUED, size=size)
                if len(waiting) < len(order.job_ids):
                    raise PollError("some have started")
            case Shrink():
                for job_id in self.waiting(order.job_ids):
                    size = order.size.known_or(self.jobs[job_id].size)
                    self.jobs[job_id] = JobStatus(JobPhase.QUEUED, size=size)
            case LimitArray():
                assert order.at_once >= 1
                self.limits[order.array] = order.at_once
            case Cancel():
                for job_id in self.waiting(order.job_ids):
                    del self.jobs[job_id]
        if not self.answers:
            raise PollError("scontrol: Socket timed out on send/recv operation")

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        del job_ids
        if not self.answers:
            raise PollError("squeue: slurm_load_jobs error: Socket timed out")
        return dict(self.jobs)

    def last_words(self, job_id: str) -> str:
        return f"the last words of {job_id}"

    def waiting(self, job_ids: Iterable[str]) -> list[str]:
        return [i for i in job_ids if self.jobs.get(i, DONE).phase is JobPhase.QUEUED]

    def live(self) -> list[str]:
        return sorted(i for i, s in self.jobs.items() if s.phase is not JobPhase.ENDED)

    def running(self, array: str | None = None) -> list[str]:
        own = [i for i in self.live() if array is None or array_of(i) == array]
        return [i for i in own if self.jobs[i].phase is JobPhase.RUNNING]

    def may_start(self, job_id: str) -> bool:
        return len(self.running(array_of(job_id))) < self.limits[array_of(job_id)]

    def start(self) -> None:
        """All tasks start that the limits of their arrays let start."""
        for job_id in self.waiting(list(self.jobs)):
            if self.may_start(job_id):
                self.jobs[job_id] = JobStatus(JobPhase.RUNNING, size=self.jobs[job_id].size)
