"""What the manager relies on, the same for every cluster: simulated, local and a real SLURM."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from hpo import offers
from hpo.causes import Cause
from hpo.cluster.base import Cluster
from hpo.cluster.local import LocalCluster, LocalRequest
from hpo.cluster.simulated import SimulatedCluster
from hpo.cluster.simulated_clock import SimulatedClock
from hpo.cluster.simulated_model import ClusterModel
from hpo.cluster.slurm import SlurmCluster
from hpo.cluster.slurm_request import SeatRequest
from hpo.errors import PollError
from hpo.files import Layout, publish_json, read_json
from hpo.leg import read_settings
from hpo.objective import load_objective
from hpo.offers import Leg
from hpo.seats import JobPhase, JobStatus
from hpo.settings import SlurmSettings

OBJECTIVE = """
import time
from pathlib import Path

def objective(config, trial):
    end = time.monotonic() + config["seconds"]
    while time.monotonic() < end and not Path(__file__).with_name("go").exists():
        time.sleep(0.02)
    trial.report(epoch=1, validation_error=0.5)
"""
KINDS = ["simulated", "local", pytest.param("slurm", marks=pytest.mark.slurm)]
CLAIM_TIMEOUT_S = 1.0
PARTITION = "main"
PATIENCE_S = 120.0


class Bench:
    """A cluster of one kind with a campaign directory, and time that passes for it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        (folder / "train.py").write_text(OBJECTIVE)
        self.layout = Layout(folder / "campaign")
        self.layout.create()
        self.name = f"contract-{secrets.token_hex(3)}"
        reference = f"{folder / 'train.py'}:objective"
        seat = {
            "campaign": self.name,
            "objective": reference,
            "pythonpath": [],
            "metric": "validation_error",
            "mode": "min",
            "resource_attr": "epoch",
            "checkpoint_interval": 1,
            "claim_timeout": CLAIM_TIMEOUT_S,
        }
        publish_json(self.layout.campaign, {"seat": seat})
        self.clock = SimulatedClock(time.time())
        self._load = lambda: load_objective(reference)
        self.submitted: list[str] = []
        self.former: list[Cluster] = []  # kept, because they own child processes
        self.cluster = self.another()

    def another(self) -> Cluster:
        """The cluster as a manager that starts anew sees it; a simulated one is the same."""
        if self.kind == "local":
            return LocalCluster(self.layout, LocalRequest(python=None, gpus=0, trials_per_gpu=1))
        if self.kind == "slurm":
            settings = SlurmSettings(partition=PARTITION, time="5", mem="300M")
            return SlurmCluster(
                self.layout, self.name, SeatRequest(settings), poll_s=1.0, result_grace_s=1.0
            )
        if self.submitted:
            return self.cluster
        model = ClusterModel(seats=4, queue_wait_s=20.0)
        settings_of_legs = read_settings(self.layout)
        return SimulatedCluster(self.layout, self.clock, model, settings_of_legs, self._load)

    def offer(self, count: int, *, seconds: float = 0.0) -> None:
        content: dict[str, Any] = {"rung": 0, "attempt": 0, "target": 1}
        offers.publish_offers(
            self.layout,
            (
                (Leg(i, 0, 0), content | {"trial_id": i, "config": {"seconds": seconds, "n": i}})
                for i in range(count)
            ),
        )

    def submit(self, count: int, *, at_once: int | None = None) -> list[str]:
        job_ids = self.cluster.submit(count, at_once=at_once or count)
        self.submitted += job_ids
        return job_ids

    def status(self, job_id: str) -> JobStatus | None:
        return self.cluster.poll([job_id]).get(job_id)

    def wait(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"not within {PATIENCE_S:.0f} s: {what}"
            if self.kind == "simulated":
                self.clock.sleep(1.0)
            else:
                time.sleep(0.5 if self.kind == "slurm" else 0.05)

    def wait_for_end(self, job_id: str) -> JobStatus:
        self.wait(lambda: self._ended(job_id), f"job {job_id} ends")
        status = self._ended(job_id)
        assert status is not None
        return status

    def _ended(self, job_id: str) -> JobStatus | None:
        status = self.status(job_id)
        return status if status is not None and status.phase is JobPhase.ENDED else None

    def claims(self) -> list[Leg]:
        return offers.list_legs(self.layout.claims)

    def kill_the_process_of(self, trial_id: int) -> None:
        path = self.layout.trial(trial_id) / "attempt-a0.json"
        self.wait(lambda: read_json(path), "the trial says which process it is")
        psutil.Process(read_json(path)["pid"]).kill()

    def clean_up(self) -> None:
        (self.folder / "go").touch()
        if self.kind == "simulated":
            return
        self.cluster.cancel_queued(self.submitted)
        live = [i for i, s in self.cluster.poll(()).items() if s.phase is not JobPhase.ENDED]
        for job_id in live:
            self.wait_for_end(job_id)
        for cluster in (*self.former, self.cluster):
            for child in getattr(cluster, "_children", {}).values():
                child.wait(timeout=PATIENCE_S)


@pytest.fixture(params=KINDS)
def bench(request: pytest.FixtureRequest, weird_tmp_path: Path) -> Iterator[Bench]:
    if request.param == "slurm":
        request.getfixturevalue("slurm")
    bench = Bench(request.param, weird_tmp_path)
    yield bench
    bench.clean_up()


class TestEveryCluster:
    def test_has_nothing_against_a_plain_request(self, bench: Bench) -> None:
        assert bench.cluster.preflight() == []

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
        assert {read_json(bench.layout.result(i))["status"] for i in (0, 1)} == {"completed"}

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
        bench.cluster.cancel_queued([job_id, "99999998_0"])
        (bench.folder / "go").touch()
        assert bench.wait_for_end(job_id).ok
        assert read_json(bench.layout.result(0))["status"] == "completed"

    def test_cancelling_for_good_ends_what_runs_too(self, bench: Bench) -> None:
        bench.offer(1, seconds=600.0)
        (job_id,) = bench.submit(1)
        bench.wait(bench.claims, "the seat takes its leg")
        bench.cluster.cancel([])
        bench.cluster.cancel([job_id, "99999998_0"])
        status = bench.wait_for_end(job_id)
        assert status.phase is JobPhase.ENDED
        assert not bench.layout.result(0).exists()
        assert [(leg.trial_id, leg.done) for leg in bench.claims()] == [(0, False)]

    def test_cancelled_seats_take_no_leg(self, bench: Bench) -> None:
        job_ids = bench.submit(2)
        bench.cluster.cancel_queued(job_ids)
        for job_id in job_ids:
            bench.wait(
                lambda job_id=job_id: (
                    (s := bench.status(job_id)) is None or s.phase is JobPhase.ENDED
                ),
                "it is gone",
            )
        bench.offer(1)
        assert bench.claims() == []

    def test_keeps_to_the_number_that_may_run_at_once(self, bench: Bench) -> None:
        if not bench.cluster.has_queue:
            pytest.skip("without a queue the manager asks for no more than may run")
        bench.offer(3)
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
        if not bench.cluster.has_queue:
            pytest.skip("without a queue no seat waits")
        bench.offer(1, seconds=60.0)
        job_ids = bench.submit(2, at_once=1)
        bench.wait(bench.claims, "the first seat takes its leg")
        running = bench.claims()[0].job_id or ""
        (waiting,) = set(job_ids) - {running}
        with pytest.raises(PollError):
            bench.cluster.raise_memory([running], 6144)
        bench.cluster.raise_memory([waiting], 6144)
        content = {"rung": 0, "attempt": 0, "target": 1, "trial_id": 1, "config": {"seconds": 0.0}}
        offers.publish_offers(bench.layout, [(Leg(1, 0, 0, mem_mb=6144), content)])
        bench.former.append(bench.cluster)
        bench.cluster = bench.another()
        status = bench.status(waiting)
        assert status is not None
        assert (status.phase, status.mem_mb) == (JobPhase.QUEUED, 6144)
        (bench.folder / "go").touch()
        bench.wait(lambda: read_json(bench.layout.result(1)), "it takes what needs so much")
        assert read_json(bench.layout.result(1))["job_id"] == waiting

    def test_seats_that_wait_or_run_can_be_told_to_keep_off_nodes(self, bench: Bench) -> None:
        bench.offer(2)
        nodes = ["gpu2"] if bench.kind == "slurm" else ["some-node"]
        job_ids = bench.cluster.submit(2, at_once=1, avoid=nodes)
        bench.submitted += job_ids
        bench.wait(bench.claims, "one of them runs")
        bench.cluster.avoid_nodes([*job_ids, "99999998_0"], [*nodes, "gpu3"])
        bench.cluster.avoid_nodes(job_ids, [])
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
        assert read_json(bench.layout.result(0))["status"] == "completed"

    def test_nothing_of_another_campaign_is_told(self, bench: Bench, tmp_path: Path) -> None:
        bench.submit(1)
        (tmp_path / "other").mkdir()
        other = Bench(bench.kind, tmp_path / "other")
        (other.layout.jobs / "live").mkdir()
        assert not other.cluster.poll(())
