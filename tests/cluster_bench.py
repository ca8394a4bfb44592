"""A cluster of any kind with a campaign's folder, and time that passes for it."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from hpo.cluster.local.cluster import LocalCluster, LocalRequest
from hpo.cluster.protocol import Cluster
from hpo.cluster.simulated.clock import SimulatedClock
from hpo.cluster.simulated.cluster import SimulatedCluster
from hpo.cluster.simulated.model import ClusterModel
from hpo.cluster.slurm.cluster import SlurmCluster
from hpo.cluster.slurm.request import SeatRequest
from hpo.folder import offers
from hpo.folder.files import Layout, publish_json, read_json
from hpo.folder.offers import Leg
from hpo.job.orders import read_settings
from hpo.seats.book import JobPhase, JobStatus
from hpo.seats.orders import Cancel, Submit
from hpo.settings.search import SlurmSettings
from hpo.trial.objective import load_objective

OBJECTIVE = """
import time
from pathlib import Path

def objective(config, trial):
    end = time.monotonic() + config["seconds"]
    while time.monotonic() < end and not Path(__file__).with_name("go").exists():
        time.sleep(0.02)
    trial.report(epoch=1, validation_error=0.5)
"""
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
            cluster = SlurmCluster(
                self.layout, self.name, SeatRequest(settings), poll_s=1.0, result_grace_s=1.0
            )
            cluster.take_over()
            return cluster
        if self.submitted:
            return self.cluster
        model = ClusterModel(seats=4, queue_wait_s=20.0)
        settings_of_legs = read_settings(self.layout)
        return SimulatedCluster(self.layout, self.clock, model, settings_of_legs, self._load)

    def offer(self, count: int, *, seconds: float = 0.0, target: int = 1) -> None:
        content: dict[str, Any] = {"rung": 0, "attempt": 0, "target": target}
        offers.publish_offers(
            self.layout,
            (
                (Leg(i, 0, 0), content | {"trial_id": i, "config": {"seconds": seconds, "n": i}})
                for i in range(count)
            ),
        )

    def submit(self, count: int, *, at_once: int | None = None) -> list[str]:
        job_ids = self.cluster.submit(Submit(count, at_once or count))
        self.submitted += job_ids
        return job_ids

    def one_runs(self, of: int) -> tuple[str, list[str]]:
        """Submit so many seats, of which one takes a leg of a minute; it, and those that wait."""
        self.offer(1, seconds=60.0)
        job_ids = self.submit(of, at_once=1)
        self.wait(self.claims, "the first seat takes its leg")
        running = self.claims()[0].job_id or ""
        return running, sorted(set(job_ids) - {running})

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

    def result(self, trial_id: int) -> dict[str, Any]:
        found = read_json(self.layout.result(trial_id))
        assert isinstance(found, dict)
        return found

    def kill_the_process_of(self, trial_id: int) -> None:
        path = self.layout.trial(trial_id) / "attempt-a0.json"
        self.wait(lambda: read_json(path), "the trial says which process it is")
        said = read_json(path)
        assert said is not None
        psutil.Process(said["pid"]).kill()

    def clean_up(self) -> None:
        (self.folder / "go").touch()
        if self.kind == "simulated":
            return
        self.cluster.change(Cancel(tuple(self.submitted)))
        live = [i for i, s in self.cluster.poll(()).items() if s.phase is not JobPhase.ENDED]
        for job_id in live:
            self.wait_for_end(job_id)
        for cluster in (*self.former, self.cluster):
            for child in getattr(cluster, "_children", {}).values():
                child.wait(timeout=PATIENCE_S)
