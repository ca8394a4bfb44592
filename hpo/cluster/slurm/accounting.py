"""What a job asked SLURM for and what it used, from one sacct call, as words for people.

Nothing is decided from it: where sacct does not answer, the words are left out.
"""

from __future__ import annotations

from collections.abc import Collection

from hpo.cluster.slurm.commands import ask
from hpo.errors import PollError
from hpo.units.duration import in_words

FORMAT = "JobID,State,ExitCode,ElapsedRaw,TimelimitRaw,ReqMem,MaxRSS,NodeList"
TIMEOUT_S = 10.0
_UNITS = {"K": 1, "M": 1024, "G": 1024**2, "T": 1024**3}  # in KiB


def usage(job_ids: Collection[str]) -> dict[str, list[str]]:
    """By job id, one line for each of its lives, oldest first; empty where sacct is silent."""
    if not job_ids:
        return {}
    command = ["sacct", "-n", "-P", "-D", "-j", ",".join(sorted(job_ids)), "-o", FORMAT]
    try:
        return read_usage(ask(command, timeout_s=TIMEOUT_S))
    except PollError:
        return {}


def read_usage(text: str) -> dict[str, list[str]]:
    """The lines of `sacct -n -P -D -o FORMAT` as words; memory is known of a job's steps only."""
    jobs: dict[str, list[list[str]]] = {}
    memory: dict[tuple[str, int], int] = {}
    for line in text.splitlines():
        parts = line.split("|")
        if len(parts) != 8:
            continue
        job_id, _, step = parts[0].partition(".")
        if step:
            life = job_id, len(jobs.get(job_id, []))
            memory[life] = max(memory.get(life, 0), _kib(parts[6]))
        else:
            jobs.setdefault(job_id, []).append(parts)
    return {
        job_id: [_words(row, memory.get((job_id, n), 0)) for n, row in enumerate(rows, 1)]
        for job_id, rows in jobs.items()
    }


def _words(row: list[str], used_kib: int) -> str:
    _, state, exit_code, elapsed, limit_min, asked, _, node = row
    words = [state.strip() or "no state"]
    if exit_code not in ("", "0:0"):
        words.append(f"exit code {exit_code}")
    if elapsed.isdigit():
        of = f" of {in_words(60 * int(limit_min))}" if limit_min.isdigit() else ""
        words.append(f"ran {in_words(int(elapsed))}{of}")
    asked_kib = _kib(asked.rstrip("nc"))
    if used_kib:
        of = f" of {_size(asked_kib)}" if asked_kib else ""
        words.append(f"memory {_size(used_kib)}{of}")
    elif asked_kib:
        words.append(f"asked for {_size(asked_kib)} of memory")
    if node and node != "None assigned":
        words.append(f"on {node}")
    return ", ".join(words)


def _kib(text: str) -> int:
    """KiB in "1.5G", "500M", "1024K", or "2048", which are bytes as sacct shows them."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "")
    try:
        return int(float(number) * _UNITS[unit]) if unit else int(number) // 1024
    except (ValueError, OverflowError):
        return 0


def _size(kib: int) -> str:
    return f"{kib / 1024:.0f} MB" if kib < 1024**2 else f"{kib / 1024**2:.1f} GB"
