"""Checks that the cluster of the tests is what the other tests assume."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from conftest import RealSlurm

pytestmark = pytest.mark.slurm


def test_four_nodes_with_two_gpus_each(slurm: RealSlurm) -> None:
    nodes = slurm.run("sinfo", "-h", "-N", "-p", "main", "-o", "%N %G").split("\n")[:-1]
    assert nodes == [f"gpu{number} gpu:2" for number in (1, 2, 3, 4)]


def test_owner_preempts_main(slurm: RealSlurm) -> None:
    main = slurm.run("scontrol", "show", "partition", "main", "-o")
    owner = slurm.run("scontrol", "show", "partition", "owner", "-o")
    assert "Default=YES" in main
    assert "PreemptMode=REQUEUE" in main
    assert "PriorityTier=1 " in main
    assert "PreemptMode=OFF" in owner
    assert "PriorityTier=10 " in owner


def test_gpu_job_completes(slurm: RealSlurm, weird_tmp_path: Path) -> None:
    script = weird_tmp_path / "job.sh"
    output = weird_tmp_path / "job.out"
    script.write_text('#!/bin/bash\necho "gpu=$CUDA_VISIBLE_DEVICES"\n')
    options = ("--gres=gpu:1", "--cpus-per-task=4", "--mem=16G")
    job = slurm.run("sbatch", "--parsable", f"--output={output}", *options, str(script)).strip()

    state = _final_state(slurm, job)

    assert state == "COMPLETED"
    assert output.read_text() in ("gpu=0\n", "gpu=1\n")


def _final_state(slurm: RealSlurm, job: str) -> str:
    """Wait until sacct shows the job's end."""
    # Takes a second, unless tests that run at the same time hold all GPUs.
    deadline = time.monotonic() + 60
    state = ""
    while time.monotonic() < deadline:
        state = slurm.run("sacct", "-X", "-n", "-P", "-j", job, "-o", "State").strip()
        if state not in ("", "PENDING", "RUNNING"):
            break
        time.sleep(0.2)
    return state
