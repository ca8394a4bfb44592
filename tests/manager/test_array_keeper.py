"""Arrays that follow each other share a limit, also while the cluster does not answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pytest
from partial_cluster import as_cluster

from hpo.decisions.limits import SeatLimits
from hpo.decisions.node_blame import NodeBlame
from hpo.errors import PollError
from hpo.manager.seats.arrays import ArrayKeeper
from hpo.manager.seats.keeper import SeatKeeper
from hpo.record import events as ev
from hpo.record.state import CampaignState, apply
from hpo.seats.arrays import surplus
from hpo.seats.book import JobPhase, JobStatus, SeatBook

WAITS, RUNS = JobStatus(JobPhase.QUEUED), JobStatus(JobPhase.RUNNING)
AT_ONCE = 4


class Cluster:
    """Its tasks start as soon as the limit of their array lets them."""

    has_queue, capacity, poll_s, vanish_s = True, None, 60.0, 600.0

    def __init__(self) -> None:
        self.jobs: dict[str, JobStatus] = {}
        self.limits: dict[str, int] = {}
        self.answers = True

    def submit(self, count: int, *, at_once: int, **_: Any) -> list[str]:
        array = str(len(self.limits) + 1)
        self.limits[array] = at_once
        job_ids = [f"{array}_{number}" for number in range(count)]
        self.jobs |= dict.fromkeys(job_ids, WAITS)
        return job_ids

    def start(self) -> None:
        for job_id in self.jobs:
            array = job_id.partition("_")[0]
            if self.jobs[job_id] is WAITS and self.running(array) < self.limits[array]:
                self.jobs[job_id] = RUNS

    def running(self, array: str = "") -> int:
        own = [job_id for job_id in self.jobs if not array or job_id.startswith(f"{array}_")]
        return sum(self.jobs[job_id] is RUNS for job_id in own)

    def limit_array(self, array: str, at_once: int) -> None:
        self.limits[array] = at_once
        if not self.answers:
            raise PollError("scontrol: Socket timed out on send/recv operation")

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        del job_ids
        if not self.answers:
            raise PollError("squeue: slurm_load_jobs error: Socket timed out")
        return dict(self.jobs)

    def cancel_queued(self, job_ids: Collection[str]) -> None:
        for job_id in job_ids:
            assert self.jobs.pop(job_id) is WAITS


def _offering(count: int) -> CampaignState:
    state = CampaignState()
    for number in range(count):
        apply(state, ev.TrialDrawn(0.0, number, {"x": number}))
        apply(state, ev.LegOffered(0.0, number, 0, 0))
    return state


def test_an_array_follows_another_only_once_it_is_known_what_runs() -> None:
    cluster, book = Cluster(), SeatBook()
    keeper = SeatKeeper(as_cluster(cluster), book, SeatLimits(AT_ONCE, 100), NodeBlame())

    def tick(now: float, legs: int) -> None:
        state = _offering(legs)
        keeper.poll_if_due(state, now)
        keeper.fill(state, now)

    tick(0.0, 8)
    assert cluster.limits == {"1": AT_ONCE}
    cluster.start()  # which the manager has not heard of when it asks for more
    cluster.answers = False
    for now in (20.0, 40.0, 100.0, 300.0):
        tick(now, 60)
        cluster.start()
        assert cluster.running() <= AT_ONCE
    cluster.answers = True
    tick(1000.0, 60)
    tick(1020.0, 60)
    cluster.start()
    assert cluster.running() == AT_ONCE
    cluster.jobs |= dict.fromkeys(["1_0", "1_1"], JobStatus(JobPhase.ENDED, ok=True))
    for now in (1100.0, 1200.0, 1300.0):
        tick(now, 60)
        cluster.start()
        assert cluster.running() <= AT_ONCE
    assert cluster.running() == AT_ONCE
    assert len(cluster.limits) == 2


def test_a_raise_that_was_not_answered_may_have_been_carried_out() -> None:
    cluster, book = Cluster(), SeatBook()
    keeper = ArrayKeeper(as_cluster(cluster), book)
    book.submitted(cluster.submit(8, at_once=1))
    keeper.submitted(list(book.seats), 1)
    assert keeper.room(AT_ONCE, 8) == 3
    cluster.answers = False
    with pytest.raises(PollError):
        keeper.raise_to(AT_ONCE)
    assert cluster.limits == {"1": AT_ONCE}
    assert keeper.room(AT_ONCE, 8) == 0
    cluster.answers = True
    assert keeper.lower(AT_ONCE, 8)
    assert cluster.limits == {"1": AT_ONCE - 1}
    assert keeper.room(AT_ONCE, 8) == 1


def test_after_the_limit_was_lowered_below_the_arrays_that_wait_the_youngest_are_cancelled() -> (
    None
):
    cluster, state = Cluster(), _offering(60)
    for count, at_once in ((8, 2), (1, 1), (8, 1)):
        cluster.submit(count, at_once=at_once)
    keeper = SeatKeeper(as_cluster(cluster), SeatBook(), SeatLimits(1, 100), NodeBlame())
    for now in (0.0, 60.0, 120.0):
        keeper.poll_if_due(state, now)
        keeper.fill(state, now)
        cluster.start()
        assert cluster.running() == 1
    assert {job_id.partition("_")[0] for job_id in cluster.jobs} == {"1"}


def test_a_requeued_job_that_holds_a_trial_is_never_cancelled_for_the_limit() -> None:
    book = SeatBook()
    book.submitted(["7_0", "7_1", "8_0", "9_0"])
    book.claimed("9_0", 3, 0.0)
    book.seats["9_0"].phase = JobPhase.QUEUED  # it waits again
    assert surplus(1, book) == ["8_0"]
    assert surplus(2, book) == []
    assert surplus(3, book) == []
