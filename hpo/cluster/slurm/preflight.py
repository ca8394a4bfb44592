"""Whether SLURM would take the jobs of a campaign, asked before anything is submitted.

Asks sinfo and `sbatch --test-only`; submits nothing. A controller that does not answer is no
problem of the settings and stops nobody.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hpo.cluster.slurm.commands import ask, refusal
from hpo.cluster.slurm.request import SeatRequest
from hpo.errors import PollError, SubmissionError

log = logging.getLogger(__name__)

DEFAULT_MAX_ARRAY_SIZE = 1001  # slurm.conf(5)


def problems(request: SeatRequest) -> list[str]:
    """Sentences about what SLURM will refuse; empty when it would accept the job."""
    unknown = _unknown_partitions(request.settings.partition)
    if unknown:
        return unknown  # sbatch would only repeat it
    words = _refused(request.sbatch_options())
    return [f"slurm: {words} (asked for: {request.describe()})"] if words else []


def largest_memory_mb(request: SeatRequest) -> int:
    """The settings' `max_mem`, or their `mem` where SLURM has no place for so much.

    Asked at the start, because sbatch itself may take such a job and never run it.
    """
    most, usual = request.settings.max_mem_mb, request.settings.mem_mb
    if most == usual or not (words := _refused(request.sbatch_options(most))):
        return most
    log.warning(
        "a trial that runs out of memory is not tried with more, because SLURM has no place for a "
        "job with max_mem = %dM: %s",
        most,
        words,
    )
    return usual


def _refused(options: list[str]) -> str:
    """What sbatch says against a job with these options; empty if nothing, or no answer."""
    try:
        return tried(options).refused
    except PollError as err:
        log.warning("SLURM could not be asked about the jobs beforehand: %s", err)
    return ""


class Tried(NamedTuple):
    """What `sbatch --test-only` said: why not, or when such a job would start, as it writes it."""

    refused: str = ""
    starts: str = ""


def tried(options: Sequence[str]) -> Tried:
    """Whether SLURM would take a job with these options; submits nothing.

    Raises:
        PollError: it did not say.
    """
    command = ["sbatch", "--test-only", "--ntasks=1", *options, "--wrap=true"]
    try:
        told = ask(command, with_errors=True)
    except PollError as err:
        words = re.sub(r"(?m)^(sbatch: )+(error: )?", "", str(err)).strip()
        if isinstance(refusal(words, ""), SubmissionError):
            return Tried(refused=words)
        raise
    match = re.search(r"to start at (\S+)", told)
    return Tried(starts=match[1].replace("T", " ") if match else "")


def path_problems(folder: Path) -> list[str]:
    """Why SLURM cannot write the logs of jobs below `folder`; its patterns know no quoting."""
    for char, name in (("\n", "a line break"), ("\r", "a line break"), ("\\", "\\"), ("%", "%")):
        if char in str(folder):
            return [
                f"output_dir {str(folder)!r} has {name} in its path, which SLURM cannot write logs "
                "to; choose another output_dir"
            ]
    return []


def _unknown_partitions(wanted: str | None) -> list[str]:
    if wanted is None:
        return []
    try:
        known = {name.strip().rstrip("*") for name in ask(["sinfo", "-h", "-o", "%P"]).split()}
    except PollError as err:
        log.warning("the partitions could not be read: %s", err)
        return []
    found = []
    for name in wanted.split(","):
        if name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        found.append(
            f"slurm.partition: SLURM has no partition {name!r}{hint} "
            f"(it has {', '.join(sorted(known))})"
        )
    return found


def max_array_size() -> int:
    """How many jobs one array may hold."""
    try:
        text = ask(["scontrol", "show", "config"])
    except PollError:
        return DEFAULT_MAX_ARRAY_SIZE
    match = re.search(r"(?m)^MaxArraySize\s*=\s*(\d+)", text)
    return max(1, int(match[1])) if match else DEFAULT_MAX_ARRAY_SIZE  # 0: no arrays at all
