"""The manager of a campaign as a SLURM job, through the script that ships with the package."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import hpo
from hpo.cluster.slurm.commands import CALL_TIMEOUT_S, ask, clean_environment, refusal
from hpo.errors import SubmissionError, SubmissionUncertainError

SCRIPT = Path(hpo.__file__).parent / "scripts" / "submit_hpo_campaign.sh"


def submit_manager(
    arguments: Sequence[str],
    *,
    options: Mapping[str, object],
    folder: Path,
    environ: Mapping[str, str],
) -> str:
    """Submit the job; its id.

    Args:
        arguments: those of `hpo run`.
        options: of sbatch, by their long names; they win over those of the script.
        folder: where it runs, and where its log will be.
        environ: what it finds; without the variables of a job that this process may run in.

    Raises:
        SubmissionError: SLURM refused it.
        SubmissionLimitError: it takes no more jobs now.
        SubmissionUncertainError: it did not answer.
    """
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = ["sbatch", "--parsable", *words, str(SCRIPT), *arguments]
    # What the user's profile says of all jobs, in SBATCH_…, is for this one, too.
    profile = {
        name: value
        for name, value in environ.items()
        if name.startswith("SBATCH_") and "_BIND" not in name
    }
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=clean_environment(environ) | profile,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=CALL_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise SubmissionUncertainError(f"sbatch could not be called: {err}") from err
    job_id = done.stdout.strip().partition(";")[0]
    if done.returncode == 0 and job_id.isdecimal():
        return job_id
    refused = refusal(done.stderr, "")
    if isinstance(refused, SubmissionError):
        asked = " ".join(words) or "what stands in the script"
        raise SubmissionError(
            f"SLURM refused the manager's job: {done.stderr.strip()}. What was asked for: {asked}. "
            f"Give other options of sbatch, or edit {SCRIPT}; nothing was started"
        )
    raise refused


def cancel_manager(job_id: str) -> None:
    """Cancel the job of a manager that has not begun.

    Raises:
        PollError: SLURM did not answer.
    """
    ask(["scancel", job_id])
