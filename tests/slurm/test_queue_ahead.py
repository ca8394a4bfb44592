"""Jobs wait in SLURM's queue ahead of need, and no more run than the user allows."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from campaigns import Project
from conftest import RealSlurm

pytestmark = pytest.mark.slurm


def test_the_queue_is_refilled_and_the_limit_on_running_jobs_is_kept(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "p", n_trials=26, epochs=1, epoch_s=0.5)
    config = project.folder / "search.py"
    limits = '"max_concurrent_jobs": 3, "max_queued_jobs": 10,'
    config.write_text(config.read_text().replace('"max_concurrent_jobs": 8,', limits))

    manager = project.sbatch()
    running, waiting = 0, 0
    deadline = time.monotonic() + 240
    while project.final() is None:
        assert time.monotonic() < deadline, project.log(manager)
        jobs = slurm.run("squeue", "-h", "-r", "-o", "%T %A %Z").splitlines()
        ours = [line for line in jobs if line.endswith(str(project.folder)) and manager not in line]
        running = max(running, sum(line.startswith("RUNNING") for line in ours))
        waiting = max(waiting, sum(line.startswith("PENDING") for line in ours))
        time.sleep(0.3)

    project.require_all_once()
    assert running == 3
    assert waiting >= 6
    assert project.log(manager).count("submitted ") >= 3, "one array follows another"
