"""Whatever SLURM's programs answer: statuses of ours, or an error of ours."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from mutations import fuzzed, garbled

from hpo.cluster.slurm import cluster as slurm
from hpo.cluster.slurm import commands as slurm_commands
from hpo.cluster.slurm import preflight as slurm_preflight
from hpo.cluster.slurm import status as slurm_status
from hpo.cluster.slurm.cluster import is_job_gone
from hpo.errors import HpoError
from hpo.seats.book import JobPhase

SAMPLES = Path(__file__).parents[1] / "samples"


def _sample(name: str) -> list[bytes]:
    return [(SAMPLES / f"{name}.txt").read_bytes()]


@fuzzed(data=garbled(_sample("squeue")))
def test_any_answer_of_squeue(data: bytes) -> None:
    for row in slurm_status.read_squeue(data.decode(errors="replace")):
        status = slurm_status.status_of(row)
        assert status is None or isinstance(status.phase, JobPhase)
        if status is not None and status.phase is JobPhase.ENDED:
            assert row.word in slurm_status.ENDED


@fuzzed(data=garbled(_sample("sacct")))
def test_any_answer_of_sacct(data: bytes) -> None:
    text = data.decode(errors="replace")
    for job_id, status in slurm_status.read_sacct(text).items():
        assert status.phase is JobPhase.ENDED
        assert job_id.partition("_")[0] in text


@fuzzed(data=garbled(_sample("sbatch_errors")))
def test_any_words_of_sbatch_become_an_error_of_ours(data: bytes) -> None:
    words = data.decode(errors="replace")
    assert isinstance(slurm_commands.refusal(words, "what was asked for"), HpoError)


@fuzzed(
    data=garbled(_sample("scontrol_config") + _sample("scontrol_ping") + _sample("sinfo")),
    code=st.sampled_from([0, 1]),
)
def test_any_answer_of_scontrol_and_sinfo(data: bytes, code: int) -> None:
    def answer(command: list[str], **_how: Any) -> subprocess.CompletedProcess[str]:
        text = data.decode(errors="replace")
        return subprocess.CompletedProcess(command, code, stdout=text, stderr=text)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess, "run", answer)
        assert slurm_preflight.max_array_size() >= 0
        assert slurm.answers() in (True, False)
        assert is_job_gone("17") in (True, False, None)
        assert all(isinstance(p, str) for p in slurm_preflight._unknown_partitions("main"))
