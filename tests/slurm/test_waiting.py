"""Jobs that wait for more than their turn: held, too long, or before a maintenance."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cluster_bench
import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

from hpo.cluster.slurm.times import JobTimes
from hpo.record.causes import Cause

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

OLD = '"partition": "main", "time": "0:10:00"'


class Started:
    """A manager in a process of its own, and what it has said so far."""

    def __init__(self, project: Project) -> None:
        self.project = project
        command = [sys.executable, "-m", "hpo", "run", "--config", "search.py"]
        self._said = project.folder / "said.txt"
        with self._said.open("w") as said:
            self.process = subprocess.Popen(
                command, cwd=project.folder, stdout=said, stderr=subprocess.STDOUT
            )

    def says(self, words: str, timeout_s: float = 60) -> None:
        wait_until(lambda: words in self._said.read_text(), timeout_s, f"it says {words!r}")

    def said(self) -> str:
        return self._said.read_text()

    def waiting(self) -> dict[str, int]:
        path = self.project.output / "status.json"
        found: dict[str, int] = json.loads(path.read_text())["jobs"]["waiting"]
        return found

    def array(self) -> str:
        self.says("submitted")
        return self.said().partition("submitted")[2].partition("(")[2].partition("_")[0]

    def ends(self, timeout_s: float = 150) -> None:
        assert self.process.wait(timeout_s) == 0, self.said()


Begin = Callable[..., Started]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Begin]:
    started: list[Started] = []

    def begin(*, time: str = "0:10:00", partition: str = "gpu", **settings: Any) -> Started:
        project = Project(tmp_path / "project", **settings)
        path = project.folder / "search.py"
        text = path.read_text()
        assert OLD in text
        path.write_text(text.replace(OLD, f'"partition": "{partition}", "time": "{time}"'))
        started.append(Started(project))
        return started[-1]

    yield begin
    for manager in started:
        manager.process.terminate()
        manager.process.wait(30)


@dataclass
class OwnPartition:
    """A partition of this test's alone; for a maintenance on a node of its own as well."""

    name: str
    nodes: str
    _run: Callable[..., str]

    def limit(self, time: str) -> None:
        self._run("scontrol", "update", f"partition={self.name}", f"MaxTime={time}")

    def reserve(self, when: str) -> None:
        """A maintenance of its node; called off at the end."""
        options = [f"reservationname=maint_{self.name}", "duration=10", "user=root"]
        options += [f"nodes={self.nodes}", "flags=maint,ignore_jobs", f"starttime={when}"]
        self._run("scontrol", "create", "reservation", *options)

    def call_off(self) -> None:
        self._run("scontrol", "delete", f"reservationname=maint_{self.name}", check=False)


@pytest.fixture
def partition(slurm: RealSlurm, request: pytest.FixtureRequest) -> Iterator[OwnPartition]:
    nodes = getattr(request, "param", "gpu[1-4]")
    own = OwnPartition(f"own{secrets.token_hex(3)}", nodes, slurm.run)
    limits = ["MaxTime=3-00:00:00", "PriorityTier=1", "PreemptMode=REQUEUE", "State=UP"]
    slurm.run("scontrol", "create", f"partition={own.name}", f"nodes={nodes}", *limits)
    yield own
    own.call_off()
    slurm.run("scontrol", "delete", f"partition={own.name}", check=False)


def test_held_jobs_are_told_with_who_holds_them(slurm: RealSlurm, start: Begin) -> None:
    manager = start(n_trials=24, epochs=3)
    array = manager.array()
    slurm.run("scontrol", "uhold", array, check=False)  # the running ones cannot be held
    manager.says("JobHeldUser: somebody holds them under your name; `scontrol release")
    wait_until(lambda: manager.waiting().get("JobHeldUser"), 40, "status.json counts them")
    slurm.run("scontrol", "release", array, check=False)
    manager.ends()
    assert manager.said().count("JobHeldUser") == 1
    manager.project.require_all_once()


def test_a_limit_that_is_lowered_while_jobs_wait_is_told_and_new_jobs_keep_to_it(
    slurm: RealSlurm, start: Begin, partition: OwnPartition
) -> None:
    manager = start(n_trials=12, epochs=3, partition=partition.name)
    array = manager.array()
    partition.limit("5")
    manager.says("PartitionTimeLimit: they never start: `time` is more than the partition allows")
    slurm.run("scancel", "--state=PENDING", array)  # as the advice says
    partition.limit("3-00:00:00")
    manager.ends()
    manager.project.require_all_once()


def test_a_request_beyond_the_partitions_limit_is_cut_to_it(
    slurm: RealSlurm, start: Begin, partition: OwnPartition
) -> None:
    partition.limit("20")
    manager = start(n_trials=4, time="4-00:00:00", partition=partition.name)
    manager.ends()
    words = f"new jobs ask for 20 min (time: 96 h): partition {partition.name} allows no more"
    assert words in manager.said()
    assert limits(slurm, manager.array()) == {"00:20:00"}
    manager.project.require_all_once()


def limits(slurm: RealSlurm, array: str) -> set[str]:
    text = slurm.run("sacct", "-X", "-n", "-P", "-j", array, "-o", "Timelimit")
    return set(text.split())


@pytest.mark.parametrize("partition", ["gpu3"], indirect=True)
def test_jobs_run_before_a_maintenance_that_is_too_near_for_their_full_time(
    slurm: RealSlurm, start: Begin, partition: OwnPartition
) -> None:
    partition.reserve("now+14minutes")
    manager = start(n_trials=6, time="0:30:00", partition=partition.name)
    manager.ends()
    words = f"new jobs ask for 11 min (time: 30 min): maintenance maint_{partition.name} begins"
    assert words in manager.said()
    assert limits(slurm, manager.array()) == {"00:11:00"}
    manager.project.require_all_once()


@pytest.mark.parametrize("partition", ["gpu4"], indirect=True)
def test_when_too_little_is_left_jobs_wait_with_their_full_time_and_it_is_said(
    slurm: RealSlurm, start: Begin, partition: OwnPartition
) -> None:
    partition.reserve("now+5minutes")
    manager = start(n_trials=4, time="0:30:00", partition=partition.name)
    manager.says("too little is left, jobs wait until it is over")
    manager.says("4 jobs wait, ReqNodeNotAvail, Reserved for maintenance: they do not fit")
    partition.call_off()
    manager.ends()
    assert limits(slurm, manager.array()) == {"00:30:00"}
    manager.project.require_all_once()


@pytest.mark.long
@pytest.mark.parametrize("partition", ["gpu2"], indirect=True)
def test_a_job_that_runs_out_of_a_time_that_was_cut_is_told_apart(
    slurm: RealSlurm, partition: OwnPartition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JobTimes, "least_min", 1)
    monkeypatch.setattr(cluster_bench, "PATIENCE_S", 240.0)  # SLURM looks at limits once a minute
    monkeypatch.setattr(cluster_bench, "PARTITION", partition.name)
    partition.reserve("now+230")
    bench = cluster_bench.Bench("slurm", tmp_path)
    try:
        bench.offer(1, seconds=300.0)
        (job_id,) = bench.submit(1)
        bench.wait(bench.claims, "the seat takes its leg")
        status = bench.wait_for_end(job_id)
        assert (status.cause, status.ok) == (Cause.CUT_SHORT, False)
        assert "TIMEOUT" in status.detail
        assert "its time had been cut to 00:01:00" in status.detail
    finally:
        bench.clean_up()
