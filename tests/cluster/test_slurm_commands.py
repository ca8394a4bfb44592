"""What SLURM's programs are called with, and whose fault their failures are."""

from __future__ import annotations

import os
import sys

import pytest

from hpo.cluster.slurm.commands import (
    ask,
    clean_environment,
    defaults_of_sbatch,
    refusal,
    scrubbed_environ,
)
from hpo.errors import (
    HpoError,
    PollError,
    SubmissionError,
    SubmissionLimitError,
    SubmissionUncertainError,
)

OF_A_JOB = {
    "SLURM_JOB_ID": "1",
    "SLURM_MEM_PER_NODE": "4096",
    "SLURM_CPU_BIND": "quiet",
    "SLURM_ARRAY_JOB_ID": "1",
    "SLURMD_NODENAME": "gpu003",
    "SRUN_CPUS_PER_TASK": "8",
    "SBATCH_PARTITION": "main",
    "SQUEUE_FORMAT": "%i",
    "SACCT_FORMAT": "JobID",
    "SINFO_FORMAT": "%P",
    "PMI_RANK": "0",
    "PMIX_RANK": "0",
    "SUBMITIT_EXECUTOR": "slurm",
}
OF_THE_USER = {
    "SLURM_CONF": "/etc/slurm/slurm.conf",
    "SLURM_CONF_SERVER": "ctl:6817",
    "PATH": "/usr/bin",
    "HOME": "/home/me",
    "CUDA_VISIBLE_DEVICES": "0",
    "MY_SLURM_NOTE": "kept",
    "PMIRROR": "kept",
}


def test_what_a_surrounding_job_set_is_dropped_and_slurm_conf_is_kept() -> None:
    assert clean_environment(OF_A_JOB | OF_THE_USER) == OF_THE_USER


def test_what_a_profile_says_to_sbatch_is_found() -> None:
    of_a_job = OF_A_JOB | OF_THE_USER | {"SBATCH_MEM_BIND": "local"}
    assert defaults_of_sbatch(of_a_job) == [
        f"SBATCH_PARTITION={of_a_job['SBATCH_PARTITION']} (set `partition`)"
    ]
    assert defaults_of_sbatch(OF_THE_USER) == []


def test_the_environment_comes_back_after_the_block_even_after_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in (OF_A_JOB | OF_THE_USER).items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    seen: dict[str, str] = {}

    def submit() -> None:
        with scrubbed_environ():
            seen.update(os.environ)
            os.environ["ADDED_INSIDE"] = "1"
            raise KeyError

    with pytest.raises(KeyError):
        submit()
    assert dict(os.environ) == before
    assert not set(OF_A_JOB) & set(seen)
    assert seen["SLURM_CONF"] == OF_THE_USER["SLURM_CONF"]


class TestAsk:
    def test_gives_standard_output_and_asks_in_the_clean_environment(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLURM_JOB_ID", "1")
        monkeypatch.setenv("SLURM_CONF", "/x")
        program = "import os; print(os.environ.get('SLURM_JOB_ID'), os.environ['SLURM_CONF'])"
        assert ask([sys.executable, "-c", program]) == "None /x\n"

    def test_bytes_that_are_no_text_do_not_raise(self) -> None:
        program = "import sys; sys.stdout.buffer.write(b'a\\xff|b')"
        assert ask([sys.executable, "-c", program]) == "a\N{REPLACEMENT CHARACTER}|b"

    def test_a_failure_is_no_news_in_slurms_words(self) -> None:
        program = "import sys; sys.exit('slurm_load_jobs error: Invalid job id specified')"
        with pytest.raises(PollError, match="slurm_load_jobs error: Invalid job id"):
            ask([sys.executable, "-c", program])

    def test_a_silent_failure_tells_its_exit_code(self) -> None:
        with pytest.raises(PollError, match="exit code 3"):
            ask([sys.executable, "-c", "raise SystemExit(3)"])

    def test_a_program_that_is_not_there_is_no_news(self) -> None:
        with pytest.raises(PollError, match="no-such-squeue"):
            ask(["no-such-squeue"])

    def test_a_program_that_hangs_is_no_news(self) -> None:
        with pytest.raises(PollError, match="timed out"):
            ask([sys.executable, "-c", "import time; time.sleep(60)"], timeout_s=0.3)


POLICY = (
    "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy "
    "(job submit limit, user's size and/or time limits)"
)
MESSAGES: list[tuple[type[HpoError], str]] = [
    (SubmissionLimitError, f"sbatch: error: AssocMaxSubmitJobLimit\n{POLICY}"),
    (SubmissionLimitError, f"sbatch: error: QOSMaxSubmitJobPerUserLimit\n{POLICY}"),
    (SubmissionLimitError, f"sbatch: error: MaxSubmitJobsPerAccount\n{POLICY}"),
    (SubmissionLimitError, POLICY),
    (SubmissionLimitError, "sbatch: error: Slurm job queue full, sleeping and retrying"),
    (
        SubmissionLimitError,
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and "
        "retrying: Resource temporarily unavailable",
    ),
    (SubmissionLimitError, "Batch job submission failed: Job creation temporarily disabled"),
    (SubmissionLimitError, "System submissions disabled"),
    (SubmissionUncertainError, "Socket timed out on send/recv operation"),
    (SubmissionUncertainError, "Unable to contact slurm controller (connect failure)"),
    (SubmissionUncertainError, "Unable to contact slurm controller (send failure)"),
    (SubmissionUncertainError, "Unable to contact slurm controller (receive failure)"),
    (SubmissionUncertainError, "Rate limit exceeded, please retry momentarily"),
    (SubmissionUncertainError, "Zero Bytes were transmitted or received"),
    (SubmissionUncertainError, "Protocol authentication error"),
    (
        SubmissionUncertainError,
        "sbatch: error: fetch_config: DNS SRV lookup failed\nsbatch: fatal: "
        "Could not establish a configuration source",
    ),
    (SubmissionError, "Invalid partition name specified"),
    (SubmissionError, "Invalid account or account/partition combination specified"),
    (SubmissionError, "Invalid qos specification"),
    (SubmissionError, "Invalid feature specification"),
    (SubmissionError, "Invalid generic resource (gres) specification"),
    (SubmissionError, "Invalid wckey specification"),
    (SubmissionError, "Requested node configuration is not available"),
    (SubmissionError, "Requested time limit is invalid (missing or exceeds some limit)"),
    (SubmissionError, "Invalid job array specification"),
    (SubmissionError, f"sbatch: error: QOSMaxWallDurationPerJobLimit\n{POLICY}"),
    (SubmissionError, f"sbatch: error: AssocMaxWallDurationPerJobLimit\n{POLICY}"),
    (SubmissionError, f"sbatch: error: QOSMaxGRESPerJob\n{POLICY}"),
    (SubmissionError, f"sbatch: error: QOSMaxCpuPerNode\n{POLICY}"),
    (SubmissionError, f"sbatch: error: QOSMinGRES\n{POLICY}"),
    (SubmissionError, "something new"),
]


@pytest.mark.parametrize(("kind", "words"), MESSAGES)
def test_a_refusal_is_classed_by_whose_fault_it_is_and_keeps_slurms_words(
    kind: type[HpoError], words: str
) -> None:
    error = refusal(f"{words}\n", "partition=gpu, time=3-00:00:00")
    assert type(error) is kind
    assert words in str(error)


def test_an_invalid_request_says_what_was_asked_for_and_where_to_change_it() -> None:
    error = refusal("Invalid partition name specified", "partition=gpuu")
    assert "partition=gpuu" in str(error)
    assert "get_slurm_config()" in str(error)
    assert error.exit_code == 2
