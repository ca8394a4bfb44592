"""What a job knows of itself from its environment."""

from __future__ import annotations

import os

import pytest

from hpo.seats.job_identity import this_job


@pytest.mark.parametrize(
    ("told", "mem_mb"),
    [
        ({}, None),
        ({"SLURM_MEM_PER_NODE": "4096"}, 4096),
        ({"SLURM_MEM_PER_NODE": "0"}, None),  # all of the node's
        ({"SLURM_MEM_PER_NODE": "4G"}, None),  # no SLURM says it so
        ({"SLURM_MEM_PER_CPU": "1024", "SLURM_CPUS_ON_NODE": "4"}, 4096),
        ({"SLURM_MEM_PER_CPU": "1024"}, 1024),
    ],
)
def test_its_memory(told: dict[str, str], mem_mb: int | None) -> None:
    assert this_job({"SLURM_JOB_ID": "7"} | told).mem_mb == mem_mb


def test_a_process_started_by_hand_is_a_job_of_its_own() -> None:
    known = this_job({"SLURMD_NODENAME": "hal-0048.edu"})
    assert (known.job_id, known.on_slurm) == (f"hand-hal-0048-edu-{os.getpid()}", False)
    assert this_job({"SLURM_JOB_ID": "7"}).job_id == "7"
    task = {"SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}
    assert this_job(task).job_id == "7_2"
