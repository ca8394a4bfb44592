"""Who waits, who may start and who runs on the simulated cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
from simulation import Campaign

from hpo.cluster.simulated.arrival import Backfill, Constant, History
from hpo.cluster.simulated.jobs import SeatQueue, SimulatedJob
from hpo.cluster.simulated.model import ClusterModel
from hpo.seats.book import JobPhase
from hpo.seats.orders import Shrink, Submit
from hpo.units.sizes import Size


def test_a_job_that_its_array_holds_back_lets_others_pass() -> None:
    queue = SeatQueue(room=3)
    jobs = [SimulatedJob(1, number, at_once=1) for number in range(3)]
    other = SimulatedJob(2, 0, at_once=1)
    for job in (*jobs, other):
        queue.arrive(job)
    assert [queue.next(), queue.next(), queue.next()] == [jobs[0], other, None]
    jobs[0].phase = JobPhase.ENDED
    queue.leave(jobs[0])
    assert queue.next() is jobs[1]


def test_a_job_that_was_cancelled_while_it_was_held_back_never_starts() -> None:
    queue = SeatQueue(room=3)
    jobs = [SimulatedJob(1, number, at_once=1) for number in range(3)]
    for job in jobs:
        queue.arrive(job)
    assert [queue.next(), queue.next()] == [jobs[0], None]
    jobs[0].phase = jobs[1].phase = JobPhase.ENDED
    queue.leave(jobs[0])
    assert queue.next() is jobs[2]
    assert queue.running == 1


@pytest.mark.parametrize(("minutes", "starts_at"), [(240, 4000.0), (60, 2500.0), (1, 1200.0)])
def test_a_job_that_asks_for_less_waits_for_less_of_what_is_left(
    tmp_path: Path, minutes: int, starts_at: float
) -> None:
    """A quarter of the time is half of the wait; and a twentieth is the least."""
    model = ClusterModel(arrival=Backfill(Constant(4000.0), 240), time_min=240)
    campaign = Campaign(tmp_path / "c", model=model)
    cluster, clock = campaign.cluster, campaign.clock
    begin = clock.now()
    (job_id,) = cluster.submit(Submit(1, 1))
    clock.sleep(1000.0)
    cluster.change(Shrink((job_id,), Size(time_min=minutes)))
    expected = 1000.0 + 3000.0 * {240: 1.0, 60: 0.5, 1: 0.0645}[minutes]
    assert cluster.lives.live[job_id].eligible_at - begin == pytest.approx(expected, abs=1.0)
    clock.sleep(expected - 1000.0 - 1.0)
    assert cluster.poll([])[job_id].phase is JobPhase.QUEUED
    clock.sleep(2.0)
    assert cluster.poll([])[job_id].phase is JobPhase.RUNNING
    assert starts_at == pytest.approx(expected, abs=10.0)


def test_a_job_may_ask_for_its_own_time(tmp_path: Path) -> None:
    backfill = Backfill(Constant(3600.0), 600)
    model = ClusterModel(seats=9, arrival=backfill, time_min=600)
    made = Campaign(tmp_path / "c", model=model)
    for time_min in (600, None, 150, 24):
        made.cluster.submit(Submit(1, 1, Size(time_min=time_min)))
    started: dict[str, float] = {}
    while len(started) < 4:
        made.clock.sleep(1.0)
        for job_id, status in made.cluster.poll(()).items():
            if status.phase is JobPhase.RUNNING:
                started.setdefault(job_id, made.clock.now())
    assert list(started) == ["4_0", "3_0", "1_0", "2_0"]
    assert started["3_0"] == pytest.approx(1800.0, abs=61.0)


def test_a_job_without_work_leaves_before_its_time_is_over(tmp_path: Path) -> None:
    model = ClusterModel(seats=2, time_min=1, arrival=Constant(60.0))
    made = Campaign(tmp_path / "c", model=model)
    (job_id,) = made.cluster.submit(Submit(1, 1))
    while made.cluster.poll([job_id])[job_id].phase is not JobPhase.ENDED:
        made.clock.sleep(1.0)
    assert made.clock.now() <= 60.0 + 60.0 + 60.0


def test_no_job_waits_longer_because_it_asks_for_less(tmp_path: Path) -> None:
    """In the user's own history short jobs may have waited longer."""
    waits = tuple((240, 4000.0) for _ in range(20)) + tuple((20, 9000.0) for _ in range(20))
    campaign = Campaign(tmp_path / "c", model=ClusterModel(arrival=History(waits), time_min=240))
    (job_id,) = campaign.cluster.submit(Submit(1, 1))
    job = campaign.cluster.lives.live[job_id]
    before = job.eligible_at
    campaign.cluster.change(Shrink((job_id,), Size(time_min=20)))
    assert job.eligible_at == before
    assert job.size.time_min == 20


def test_a_requeued_job_may_ask_for_less_where_nothing_waits(tmp_path: Path) -> None:
    model = ClusterModel(arrival=Constant(0.0), time_min=240, preemptions_per_hour=36000.0)
    campaign = Campaign(tmp_path / "c", model=model)
    (job_id,) = campaign.cluster.submit(Submit(1, 1))
    job = campaign.cluster.lives.live[job_id]
    while job.lives == 0 or job.phase is not JobPhase.QUEUED:
        campaign.clock.sleep(0.1)
    before = job.eligible_at
    assert before > campaign.clock.now(), "SLURM lets it wait a while"
    campaign.cluster.change(Shrink((job_id,), Size(time_min=20)))
    assert (job.eligible_at, job.size.time_min) == (before, 20)
