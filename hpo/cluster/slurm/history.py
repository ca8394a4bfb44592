"""How long the user's own jobs waited, from a file that `sacct` wrote.

Owns the form of that file: which columns, which lines count. Lines that cannot be read are told by
number and left out. Asks no cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from hpo.cluster.simulated.arrival import History
from hpo.errors import SettingsError
from hpo.folder.files import open_plain
from hpo.units.slurm import parse_time_min

COLUMNS = ("JobID", "Submit", "Eligible", "Start", "End", "Timelimit", "State", "Partition")
COMMAND = f"sacct -X -n -P -S now-90days -o {','.join(COLUMNS)} > history.txt"
MOST_BYTES = 100_000_000
TOLD = 3  # lines that cannot be read are told one by one up to here


@dataclass(frozen=True, slots=True)
class _Line:
    """One job, or one task of an array; times in s."""

    array: str
    number: str
    wait_s: float
    start_s: float
    end_s: float
    limit_min: int | None
    partition: str


@dataclass(frozen=True, slots=True)
class Waits:
    """What a file tells: the waits, and what a person should know of it, as sentences."""

    history: History
    notes: tuple[str, ...]


def read_history(path: Path, *, partition: str | None = None) -> Waits:
    """The waits of the jobs in a file.

    Args:
        path: what `COMMAND` wrote; a first line with the names of the columns may be there, and
            tells their order then.
        partition: count only jobs of it, where there are any; several with commas.

    Raises:
        SettingsError: the file cannot be read, or no line of it tells a wait.
    """
    try:
        with open_plain(path.absolute()) as file:
            text = file.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError as err:
        raise SettingsError([f"{path}: {err.strerror or err}; {_HOW}"], where="--history") from err
    found, bad = _read(text)
    if not found:
        why = f" (the first: line {bad[0]})" if bad else ""
        problem = f"{path}: no line of it tells how long a job waited{why}; {_HOW}"
        raise SettingsError([problem], where="--history")
    notes = [_bad_lines(path, bad)] if bad else []
    wanted = set((partition or "").split(",")) - {""}
    there = [line for line in found if line.partition in wanted]
    if wanted and not there:
        notes.append(f"{path}: no job of partition {partition} in it; all jobs count")
    counted = _without_own_limits(there or found)
    waits = tuple((line.limit_min, line.wait_s) for line in counted)
    if len(counted) < len(there or found):
        notes.append(
            f"{path}: {len(there or found) - len(counted)} tasks of arrays are left out, because "
            "they may have waited for others of their array"
        )
    return Waits(History(waits), tuple(notes))


_HOW = f"make it with: {COMMAND}"


def _bad_lines(path: Path, bad: list[int]) -> str:
    told = ", ".join(map(str, bad[:TOLD])) + (" …" if len(bad) > TOLD else "")
    which = f"lines {told} cannot" if len(bad) > 1 else f"line {told} cannot"
    return f"{path}: {which} be read and {'are' if len(bad) > 1 else 'is'} left out"


def _read(text: str) -> tuple[list[_Line], list[int]]:
    """The jobs that have started, and the numbers of the lines that are none."""
    columns = list(COLUMNS)
    found: list[_Line] = []
    bad: list[int] = []
    for number, line in enumerate(text.splitlines(), 1):
        parts = [part.strip() for part in line.rstrip("|").split("|")]
        if number == 1 and set(COLUMNS) <= set(parts):
            columns = parts
            continue
        if not line.strip():
            continue
        if len(parts) != len(columns):
            bad.append(number)
            continue
        named = dict(zip(columns, parts, strict=True))
        try:
            job = _job(named)
        except ValueError:
            bad.append(number)
        else:
            found += [job] if job is not None else []
    return found, bad


def _job(named: dict[str, str]) -> _Line | None:
    """One line; None for a job that never started or is a step of another.

    Raises:
        ValueError: it is no line of sacct.
    """
    array, _, number = named["JobID"].partition("_")
    if not array[:1].isdigit():
        raise ValueError(f"no job: {named['JobID']}")
    if "." in named["JobID"]:
        return None
    start = _seconds(named["Start"])
    submit = _seconds(named["Submit"])
    if start is None or submit is None:
        return None
    eligible = _seconds(named["Eligible"])
    since = submit if eligible is None else max(submit, eligible)
    end = _seconds(named["End"])
    return _Line(
        array=array,
        number=number,
        wait_s=max(0.0, start - since),
        start_s=start,
        # A clock that was set back between them makes an end that is none.
        end_s=float("inf") if end is None or end < start else end,
        limit_min=_limit_min(named["Timelimit"]),
        partition=named["Partition"],
    )


def _seconds(text: str) -> float | None:
    """Local time as sacct writes it; None where it says that there is none.

    Raises:
        ValueError: it is no time.
    """
    if text in ("", "Unknown", "None", "N/A"):
        return None
    return datetime.fromisoformat(text).timestamp()


def _limit_min(text: str) -> int | None:
    """Minutes; None where the job had no limit of its own.

    Raises:
        ValueError: it is no limit.
    """
    if text in ("", "UNLIMITED", "Partition_Limit", "INVALID"):
        return None
    return parse_time_min(text)


def _without_own_limits(lines: list[_Line]) -> list[_Line]:
    """Without the tasks of arrays that started after another of them had ended.

    Those may have waited for the array's own `%`, and not for the cluster.
    """
    first_end: dict[str, float] = {}
    for line in lines:
        first_end[line.array] = min(first_end.get(line.array, float("inf")), line.end_s)
    return [line for line in lines if not line.number or line.start_s <= first_end[line.array]]
