"""Calling SLURM's programs, and telling by their words whose fault a failure is.

Owns the environment they are called in: without the SLURM_* of the job that this process may run
in, which would leak into new jobs, but with SLURM_CONF, without which they find no controller.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from hpo.errors import (
    HpoError,
    PollError,
    SubmissionError,
    SubmissionLimitError,
    SubmissionUncertainError,
)

CALL_TIMEOUT_S = 60.0  # longer than slurmctld's own MessageTimeout of 10 s, retried
_LEAKING = re.compile(r"(SLURM|SLURMD|SRUN|SBATCH|SQUEUE|SACCT|SINFO|PMI|PMIX|SUBMITIT)_")
_KEPT = frozenset({"SLURM_CONF", "SLURM_CONF_SERVER"})

# Limits that one job breaks by itself, however long it waits: QOSMaxWallDurationPerJobLimit, …
_TOO_LARGE = re.compile(r"(QOS|Assoc)(Max\w+Per(Job|Node)|Min\w+NotSatisfied|MinGRES)")
_LIMIT = re.compile(
    r"MaxSubmitJob|job submit limit|job queue full|Job creation temporarily disabled"
    r"|Resource temporarily unavailable|System submissions disabled",
    re.IGNORECASE,
)
_NO_ANSWER = re.compile(
    r"timed out|Unable to contact|connect failure|connection refused|Rate limit"
    r"|Zero Bytes|authentication|configuration source|Communication connection|Unexpected message",
    re.IGNORECASE,
)


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without what a surrounding job put there."""
    return {k: v for k, v in environ.items() if k in _KEPT or not _LEAKING.match(k)}


def defaults_of_sbatch(environ: Mapping[str, str]) -> list[str]:
    """The variables in which a user's profile keeps options of sbatch, and the settings for them.

    They would win over the settings, which go into the job's script, so jobs are asked for without.
    What sbatch itself tells a job of binding is none of them.
    """
    names = sorted(k for k in environ if k.startswith("SBATCH_") and "_BIND" not in k)
    return [f"{name}={environ[name]} (set {_setting_of(name)})" for name in names]


def _setting_of(variable: str) -> str:
    option = variable.removeprefix("SBATCH_").lower()
    return f"`{_SETTINGS[option]}`" if option in _SETTINGS else "`extra`"


_SETTINGS = {
    "account": "account",
    "partition": "partition",
    "qos": "qos",
    "constraint": "constraint",
    "exclude": "exclude",
    "timelimit": "time",
    "mem_per_node": "mem",
    "gres": "gpus",
    "gpus": "gpus",
}


@contextmanager
def scrubbed_environ() -> Iterator[None]:
    """Run a block (submitit's sbatch) in the clean environment; restored at the end."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(clean_environment(before))
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def ask(
    command: Sequence[str], *, timeout_s: float = CALL_TIMEOUT_S, with_errors: bool = False
) -> str:
    """Standard output of a query; with standard error behind it, where a program answers there.

    Raises:
        PollError: the program is not there, failed, or did not answer in time.
    """
    try:
        done = subprocess.run(
            list(command),
            env=clean_environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise PollError(f"{command[0]}: {err}") from err
    if done.returncode != 0:
        words = done.stderr.strip() or f"exit code {done.returncode}"
        raise PollError(f"{command[0]}: {words}")
    return done.stdout + done.stderr if with_errors else done.stdout


def refusal(words: str, request: str) -> HpoError:
    """The error that a failed sbatch amounts to, by what it printed."""
    text = words.strip()
    if _LIMIT.search(text) and not _TOO_LARGE.search(text):
        return SubmissionLimitError(f"SLURM accepts no more jobs now: {text}")
    if not text or _NO_ANSWER.search(text):  # what hung was ended, and says nothing
        return SubmissionUncertainError(f"SLURM did not answer: {text or 'sbatch said nothing'}")
    return SubmissionError(
        f"SLURM refused the job: {text}. What was asked for: {request}. "
        "Change these settings in get_slurm_config() and start again; no trial is lost"
    )
