"""Jobs that memory killed, by what SLURM and slurmstepd say of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.cluster.slurm import memory as slurm_memory
from hpo.cluster.slurm.memory import read_memory_use, tells_memory_kill, with_memory_kills
from hpo.errors import PollError
from hpo.record.causes import Cause
from hpo.seats.book import JobPhase, JobStatus
from hpo.seats.job_identity import this_job

FAILED = JobStatus(JobPhase.ENDED, Cause.KILLED, "SLURM says FAILED, exit code 9:0")
ACCOUNTING = """\
479_0||150M
479_0.batch|12216K||
479_0.0|320684K||
"""


@pytest.mark.parametrize(
    "words",
    [
        "slurmstepd: error: Step 12.0 exceeded memory limit (8302 > 4096), being killed",
        "slurmstepd: error: Job 12 exceeded memory limit (8302 > 4096), being killed",
        "slurmstepd-gpu1: error: StepId=481.0 exceeded memory limit (3 > 1), being killed",
        "slurmstepd: error: Exceeded job memory limit",
        "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=1.batch cgroup. Some of your"
        " processes may have been killed by the cgroup out-of-memory handler.",
        "slurmstepd: error: Detected 2 oom_kill events in StepId=123.0. Some of the step tasks"
        " have been OOM Killed.",
    ],
)
def test_slurmstepds_words_are_known(words: str) -> None:
    assert tells_memory_kill(f"epoch 3\n{words}\nsrun: error: gpu1: task 0: Killed\n")


@pytest.mark.parametrize(
    "words",
    [
        "my code: error: exceeded memory limit",
        ">> slurmstepd: error: Exceeded job memory limit",
        "slurmstepd: error: *** JOB 12 ON gpu1 CANCELLED AT 2026-11-21T09:22:52 ***",
        "slurmstepd: error: Exceeded step memory limit at some point.",
        "Detected 1 oom-kill event(s)",
    ],
)
def test_other_words_prove_nothing(words: str) -> None:
    assert not tells_memory_kill(f"{words}\n")


def test_what_a_job_used_stands_beside_what_it_had() -> None:
    assert read_memory_use(ACCOUNTING) == {"479_0": "; seen to use 313M of 150M"}
    assert read_memory_use("7||4Gc\n7.0|1.50G|4Gc\n8||2Gn\n\nx") == {"7": "; seen to use 1536M"}


def test_a_failed_job_is_out_of_memory_if_its_own_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def answer(command: list[str]) -> str:
        asked.append(command)
        return ACCOUNTING

    monkeypatch.setattr(slurm_memory, "ask", answer)
    (tmp_path / "479_0").write_text("x" * 10**6 + "\nslurmstepd: error: Exceeded job memory limit")
    (tmp_path / "480").write_text("Killed\n")
    statuses = {
        "479_0": FAILED,
        "480": FAILED,
        "481": FAILED,
        "482": JobStatus(JobPhase.RUNNING),
        "483": JobStatus(JobPhase.ENDED, Cause.OUT_OF_MEMORY, "SLURM says OUT_OF_MEMORY"),
    }
    told = with_memory_kills(statuses, lambda job_id: tmp_path / job_id)
    causes = {job_id: status.cause for job_id, status in told.items() if "48" in job_id}
    assert told["479_0"].cause is Cause.OUT_OF_MEMORY
    assert told["479_0"].detail == f"{FAILED.detail}; seen to use 313M of 150M"
    assert causes["480"] is causes["481"] is Cause.KILLED
    assert told["483"].detail == "SLURM says OUT_OF_MEMORY"
    assert len(asked) == 1
    assert "479_0,483" in asked[0]


def test_without_accounting_the_kill_is_known_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_command: list[str]) -> str:
        raise PollError("sacct: connection refused")

    monkeypatch.setattr(slurm_memory, "ask", refuse)
    told = with_memory_kills(
        {"1": JobStatus(JobPhase.ENDED, Cause.OUT_OF_MEMORY)}, lambda job_id: tmp_path / job_id
    )
    assert told["1"].cause is Cause.OUT_OF_MEMORY
    with_memory_kills({"1": FAILED}, lambda job_id: tmp_path / job_id)


@pytest.mark.parametrize(
    ("environ", "memory"),
    [
        ({"SLURM_JOB_ID": "1", "SLURM_MEM_PER_NODE": "6144"}, 6144),
        ({"SLURM_JOB_ID": "1", "SLURM_MEM_PER_CPU": "2048", "SLURM_CPUS_ON_NODE": "4"}, 8192),
        ({"SLURM_JOB_ID": "1", "SLURM_MEM_PER_NODE": "0"}, None),
        ({"SLURM_JOB_ID": "1", "SLURM_MEM_PER_NODE": "6G"}, None),
        ({"SLURM_JOB_ID": "1"}, None),
        # A local process of a manager that itself runs in a job shares that job's memory.
        ({"HPO_JOB_ID": "local-1", "SLURM_JOB_ID": "1", "SLURM_MEM_PER_NODE": "6144"}, None),
    ],
)
def test_a_seat_knows_its_memory_from_slurm(environ: dict[str, str], memory: int | None) -> None:
    assert this_job(environ).mem_mb == memory
