"""Cancelling from outside and from the manager, on a real SLURM."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

from hpo.cluster.slurm.cluster import SlurmCluster
from hpo.cluster.slurm.request import SeatRequest
from hpo.folder.files import Layout
from hpo.seats.orders import Cancel
from hpo.settings.search import SlurmSettings

pytestmark = pytest.mark.slurm


def test_nothing_to_cancel_cancels_nothing(slurm: RealSlurm, tmp_path: Path) -> None:
    other = slurm.run("sbatch", "--parsable", "--begin=now+1hour", "--wrap=true").strip()
    try:
        request = SeatRequest(SlurmSettings())
        cluster = SlurmCluster(Layout(tmp_path), "mine", request, poll_s=1.0, result_grace_s=1.0)
        cluster.change(Cancel(()))
        assert slurm.run("squeue", "-h", "-j", other, "-o", "%T").strip() == "PENDING"
    finally:
        slurm.run("scancel", other)


@pytest.mark.slow
def test_seats_that_somebody_cancelled_are_asked_for_again(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=16, epochs=3)
    project.sbatch()
    wait_until(lambda: len(project.starts()) >= 4, 90, "four trials run")
    name = json.loads((project.output / "campaign.json").read_text())["campaign"]
    rows = slurm.run("squeue", "-h", "-r", "-t", "PD", "-o", "%i|%j").splitlines()
    waiting = [row.split("|")[0] for row in rows if row.endswith(f"|trial.{name}")]
    assert waiting
    slurm.run("scancel", "--state=PENDING", *waiting)
    wait_until(project.final, 180, "the campaign ends all the same")
    project.require_all_once()
