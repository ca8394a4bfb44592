"""What the manager relies on, the same for every cluster: simulated, local and a real SLURM."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from cluster_bench import Bench

from hpo.errors import PollError
from hpo.folder import offers
from hpo.folder.files import read_json
from hpo.folder.offers import Leg
from hpo.record.causes import Cause
from hpo.seats.book import JobPhase
from hpo.seats.orders import Avoid, Cancel, Raise, Shrink, Submit
from hpo.units.sizes import Size

KINDS = ["simulated", "local", pytest.param("slurm", marks=pytest.mark.slurm)]


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, weird_tmp_path: Path) -> Iterator[Bench]:
    if request.param == "slurm":
        request.getfixturevalue("slurm")
    bench = Bench(request.param, weird_tmp_path)
    yield bench
    bench.clean_up()


class TestEveryCluster:
    def test_knows_the_jobs_that_it_was_asked_for(self, bench: Bench) -> None:
        job_ids = bench.submit(3)
        assert len(set(job_ids)) == 3
        assert set(job_ids) <= set(bench.cluster.poll(()))
        assert {offers.parse(Leg(0, 0, 0, i).name) for i in job_ids} == {
            Leg(0, 0, 0, i) for i in job_ids
        }

    def test_runs_the_best_offer_and_ends_well(self, bench: Bench) -> None:
        bench.offer(2)
        job_ids = bench.submit(2)
        for job_id in job_ids:
            status = bench.wait_for_end(job_id)
            assert status.ok
        done = [claim for claim in bench.claims() if claim.done]
        assert sorted(claim.trial_id for claim in done) == [0, 1]
        assert {claim.job_id for claim in done} == set(job_ids)
        assert {bench.result(i)["status"] for i in (0, 1)} == {"completed"}

    def test_a_seat_without_an_offer_ends_well_after_the_claim_timeout(self, bench: Bench) -> None:
        (job_id,) = bench.submit(1)
        status = bench.wait_for_end(job_id)
        assert status.ok
        assert bench.claims() == []

    def test_an_end_once_told_is_told_again(self, bench: Bench) -> None:
        (job_id,) = bench.submit(1)
        first = bench.wait_for_end(job_id)
        assert bench.status(job_id) == first
        assert bench.status(job_id) == first

    def test_ids_that_it_never_gave_prove_nothing(self, bench: Bench) -> None:
        statuses = bench.cluster.poll(["99999998_0", "local-ffffff-1", "hand-node-1"])
        assert not statuses

    def test_cancelling_leaves_a_running_seat_alone(self, bench: Bench) -> None:
        bench.offer(1, seconds=60.0)
        (job_id,) = bench.submit(1)
        bench.wait(bench.claims, "the seat takes its leg")
        bench.cluster.change(Cancel((job_id, "99999998_0")))
        (bench.folder / "go").touch()
        assert bench.wait_for_end(job_id).ok
        assert bench.result(0)["status"] == "completed"

    def test_cancelling_for_good_ends_what_runs_too(self, bench: Bench) -> None:
        bench.offer(1, seconds=600.0)
        (job_id,) = bench.submit(1)
        bench.wait(bench.claims, "the seat takes its leg")
        bench.cluster.change(Cancel((), running=True))
        bench.cluster.change(Cancel((job_id, "99999998_0"), running=True))
        status = bench.wait_for_end(job_id)
        assert status.phase is JobPhase.ENDED
        assert not bench.layout.result(0).exists()
        assert [(leg.trial_id, leg.done) for leg in bench.claims()] == [(0, False)]

    def test_cancelled_seats_take_no_leg(self, bench: Bench) -> None:
        def is_gone(job_id: str) -> bool:
            status = bench.status(job_id)
            return status is None or status.phase is JobPhase.ENDED

        job_ids = bench.submit(2)
        bench.cluster.change(Cancel(tuple(job_ids)))
        for job_id in job_ids:
            bench.wait(partial(is_gone, job_id), "it is gone")
        bench.offer(1)
        assert bench.claims() == []

    def test_keeps_to_the_number_that_may_run_at_once(self, bench: Bench) -> None:
        if not bench.cluster.traits.has_queue:
            pytest.skip("without a queue the manager asks for no more than may run")
        # Longer than the time between two looks: jobs that are over by then are never seen to run.
        bench.offer(3, seconds=1.5)
        job_ids = bench.submit(3, at_once=1)
        most = 0

        def all_ended() -> bool:
            nonlocal most
            phases = [s.phase for s in bench.cluster.poll(job_ids).values()]
            most = max(most, phases.count(JobPhase.RUNNING))
            return phases.count(JobPhase.ENDED) == 3

        bench.wait(all_ended, "all ended")
        assert most == 1

    def test_a_waiting_seat_is_given_more_memory_in_its_place(self, bench: Bench) -> None:
        if not bench.cluster.traits.has_queue:
            pytest.skip("without a queue no seat waits")
        running, (waiting,) = bench.one_runs(of=2)
        with pytest.raises(PollError):
            bench.cluster.change(Raise((running,), 6144))
        bench.cluster.change(Raise((waiting,), 6144))
        content = {"rung": 0, "attempt": 0, "target": 1, "trial_id": 1, "config": {"seconds": 0.0}}
        offers.publish_offers(bench.layout, [(Leg(1, 0, 0, mem_mb=6144), content)])
        bench.former.append(bench.cluster)
        bench.cluster = bench.another()
        status = bench.status(waiting)
        assert status is not None
        assert (status.phase, status.size.mem_mb) == (JobPhase.QUEUED, 6144)
        (bench.folder / "go").touch()
        bench.wait(lambda: read_json(bench.layout.result(1)), "it takes what needs so much")
        assert bench.result(1)["job_id"] == waiting

    def test_waiting_seats_give_up_time_and_memory_in_their_place(self, bench: Bench) -> None:
        if not bench.cluster.traits.has_queue:
            pytest.skip("without a queue no seat waits")
        running, waiting = bench.one_runs(of=4)
        # One that has started by then does not keep the others from it.
        bench.cluster.change(Shrink((running, *waiting[:2]), Size(200, 2)))
        bench.former.append(bench.cluster)
        bench.cluster = bench.another()
        found = [bench.status(job_id) for job_id in waiting]
        assert all(s is not None and s.phase is JobPhase.QUEUED for s in found)
        assert [s.size for s in found[:2] if s] == [Size(200, 2)] * 2
        assert found[2] is not None
        assert found[2].size.time_min != 2
        (bench.folder / "go").touch()

    def test_seats_that_wait_or_run_can_be_told_to_keep_off_nodes(self, bench: Bench) -> None:
        bench.offer(2)
        nodes = ["gpu2"] if bench.kind == "slurm" else ["some-node"]
        job_ids = bench.cluster.submit(Submit(2, 1, avoid=frozenset(nodes)))
        bench.submitted += job_ids
        bench.wait(bench.claims, "one of them runs")
        more = frozenset([*nodes, "gpu3"])
        bench.cluster.change(Avoid((*job_ids, "99999998_0"), more))
        bench.cluster.change(Avoid(tuple(job_ids), frozenset()))
        assert all(bench.wait_for_end(job_id).ok for job_id in job_ids)

    def test_a_killed_seat_is_told_as_killed(self, bench: Bench) -> None:
        if bench.kind == "simulated":
            pytest.skip("nothing kills the processes of a simulated cluster")
        bench.offer(1, seconds=60.0)
        (job_id,) = bench.submit(1)
        bench.kill_the_process_of(0)
        status = bench.wait_for_end(job_id)
        assert (status.cause, status.ok) == (Cause.KILLED, False)
        assert status.detail
        assert [claim.done for claim in bench.claims()] == [False]
        assert "trial 0, attempt 0" in bench.cluster.last_words(job_id)

    def test_a_manager_that_comes_back_finds_its_jobs(self, bench: Bench) -> None:
        bench.offer(1, seconds=60.0)
        (job_id,) = bench.submit(1)
        bench.wait(bench.claims, "the seat takes its leg")
        bench.former.append(bench.cluster)
        bench.cluster = bench.another()
        status = bench.cluster.poll(()).get(job_id)
        assert status is not None
        assert status.phase is JobPhase.RUNNING
        (bench.folder / "go").touch()
        bench.wait_for_end(job_id)
        assert bench.result(0)["status"] == "completed"

    def test_nothing_of_another_campaign_is_told(self, bench: Bench, tmp_path: Path) -> None:
        bench.submit(1)
        (tmp_path / "other").mkdir()
        other = Bench(bench.kind, tmp_path / "other")
        (other.layout.jobs / "live").mkdir()
        assert not other.cluster.poll(())
