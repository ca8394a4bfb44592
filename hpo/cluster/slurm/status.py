"""What SLURM's state words mean: one decision for each of them, made here and nowhere else.

Owns the parsing of squeue's and sacct's lines. Pure: no calls, no clock. The words are the same
from 18.08 to 26.05; see squeue(1), JOB STATE CODES. Whether a job's work is done is never told
here: COMPLETED only means exit code 0.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from hpo.cluster.slurm.reasons import advice, in_words, is_limit_of_user
from hpo.cluster.slurm.task_ids import tasks_of
from hpo.errors import EXIT_RESUMABLE
from hpo.record.causes import Cause
from hpo.seats.book import JobPhase, JobStatus
from hpo.units.sizes import Size
from hpo.units.slurm import parse_memory_mb, parse_time_min

# Free text (the job's name) comes last, and names never hold the separator.
SQUEUE_FORMAT = "%i|%T|%r|%N|%l|%m|%S|%j"
SACCT_FORMAT = "JobID,State,ExitCode,NodeList,Timelimit,End"

QUEUED = frozenset(
    {"PENDING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
)
RUNNING = frozenset(
    {
        "RUNNING",
        "CONFIGURING",
        "COMPLETING",
        "SUSPENDED",
        "STOPPED",
        "RESIZING",
        "SIGNALING",
        "STAGE_OUT",
        "POWER_UP_NODE",
    }
)
ENDED: dict[str, Cause] = {
    "COMPLETED": Cause.KILLED,  # for a leg without a result: it left through os._exit(0)
    "FAILED": Cause.KILLED,
    "TIMEOUT": Cause.TIME_LIMIT,
    "DEADLINE": Cause.TIME_LIMIT,
    "OUT_OF_MEMORY": Cause.OUT_OF_MEMORY,
    "NODE_FAIL": Cause.NODE_FAILED,
    "BOOT_FAIL": Cause.NODE_FAILED,
    "LAUNCH_FAILED": Cause.NODE_FAILED,
    "RECONFIG_FAIL": Cause.NODE_FAILED,
    "PREEMPTED": Cause.PREEMPTED,
    "CANCELLED": Cause.CANCELLED,
    "REVOKED": Cause.VANISHED,
}
# In squeue these may be a step on the way back into the queue, under the same id (EXPEDITING: from
# 25.11 on).
COMING_BACK = frozenset({"PREEMPTED", "NODE_FAIL", "EXPEDITING"})
_SPECIAL = re.compile(r"trial(?:-(?P<mem>\d+)M)?(?:-(?P<time>\d+)min)?\.")
STORAGE = f"{EXIT_RESUMABLE}:0"  # how a seat ends that could not use the campaign's files
# And how one that was asked to leave by SIGTERM or SIGUSR2, where users' code had taken its handler
ASKED_TO_LEAVE = frozenset({"0:15", "0:12"})


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One line of squeue."""

    job_id: str
    word: str
    reason: str
    node: str
    limit: str
    memory: str
    start: str  # of one that waits: as far as the scheduler has planned it
    name: str


def read_squeue(text: str) -> list[QueueRow]:
    """The rows of `squeue -h -r -o SQUEUE_FORMAT`; lines of another shape are skipped."""
    rows = ([part.strip() for part in line.split("|", 7)] for line in text.splitlines())
    return [QueueRow(*row) for row in rows if len(row) == 8]


def status_of(
    row: QueueRow, usual_min: Collection[int] = (), *, tells_memory: bool = False
) -> JobStatus | None:
    """What a row of squeue says; None: nothing yet (a word on the way, or an unknown one).

    `usual_min` are the time limits (minutes) that jobs have which are not cut short;
    `tells_memory`: the memory of each job counts, not only of those that were given more.
    """
    size = _size(row, tells_memory=tells_memory)
    if row.word in QUEUED:
        return JobStatus(
            JobPhase.QUEUED,
            reason=row.reason,
            advice=advice(row.reason),
            size=size,
            begins_later=row.reason == "BeginTime",
            why=in_words(row.reason),
            at_limit=is_limit_of_user(row.reason),
            starts_at=_seconds(row.start),
        )
    if row.word in RUNNING:
        return JobStatus(JobPhase.RUNNING, node=row.node, size=size)
    if row.word in COMING_BACK or row.word not in ENDED:
        return None
    return _ended(row.word, "", row.node, _cut_to(row.word, row.limit, usual_min))


def _size(row: QueueRow, *, tells_memory: bool) -> Size:
    """What a seat was asked for with, as far as squeue tells.

    Both stand in its name until it runs a trial: the limit may have been cut, and what memory the
    settings say is not known here.
    """
    match = _SPECIAL.match(row.name)
    named = Size(*(int(number or 0) or None for number in match.groups())) if match else Size()
    memory = _if_known(parse_memory_mb, row.memory) if tells_memory else None
    return named.known_or(Size(memory, _if_known(parse_time_min, row.limit)))


def _if_known(read: Callable[[str], int], text: str) -> int | None:
    with contextlib.suppress(ValueError):  # UNLIMITED, Partition_Limit
        return read(text)
    return None


def read_sacct(text: str, usual_min: Collection[int] = ()) -> dict[str, JobStatus]:
    """The ended jobs among the rows of `sacct -X -n -P -o SACCT_FORMAT`, by job id.

    Tasks of an array that were cancelled before they started share one row, `17_[4-6,9%8]`. Where
    a task has a row of its own as well, that one tells.
    """
    ended: dict[str, JobStatus] = {}
    together: dict[str, JobStatus] = {}
    for line in text.splitlines():
        parts = line.split("|")
        if len(parts) != 6 or not parts[1].strip():
            continue
        # "CANCELLED by 1000"; a cut word carries a plus
        word = parts[1].split()[0].rstrip("+")
        if word in ENDED:
            cut_to = _cut_to(word, parts[4], usual_min)
            status = _ended(word, parts[2], parts[3], cut_to, _seconds(parts[5]))
            if "[" in parts[0]:
                together |= dict.fromkeys(tasks_of(parts[0]), status)
            else:
                ended[parts[0]] = status
    return together | ended


def read_former_lives(text: str) -> dict[str, JobStatus]:
    """How each job last ended among the rows of `sacct -X -D -n -P -o SACCT_FORMAT`, by job id.

    With -D every life of a job that was requeued has a row, oldest first.
    """
    lives: dict[str, JobStatus] = {}
    for line in text.splitlines():
        lives |= read_sacct(line)
    return lives


def _seconds(text: str) -> float | None:
    """A time as sacct prints it, on this machine's clock; None for Unknown."""
    try:
        return time.mktime(time.strptime(text.strip(), "%Y-%m-%dT%H:%M:%S"))
    except (ValueError, OverflowError):
        return None


def _cut_to(word: str, limit: str, usual_min: Collection[int]) -> str | None:
    """The limit of a job that ran out of a time shorter than usual; None for any other."""
    if word != "TIMEOUT" or not usual_min:
        return None
    minutes = _if_known(parse_time_min, limit)
    is_cut = minutes is not None and minutes not in usual_min and minutes < max(usual_min)
    return limit if is_cut else None


def _ended(
    word: str,
    exit_code: str,
    node: str,
    cut_to: str | None = None,
    ended_at: float | None = None,
) -> JobStatus:
    if word == "FAILED" and exit_code == STORAGE:
        detail = f"its job on {node} could not use the campaign's files; its log says more"
        return JobStatus(
            JobPhase.ENDED, cause=Cause.STORAGE, detail=detail, node=node, ended_at=ended_at
        )
    if word == "FAILED" and exit_code in ASKED_TO_LEAVE:
        detail = f"its job on {node} was asked to leave, and ended by signal {exit_code[2:]}"
        return JobStatus(
            JobPhase.ENDED, cause=Cause.PREEMPTED, detail=detail, node=node, ended_at=ended_at
        )
    code = f", exit code {exit_code}" if exit_code and exit_code != "0:0" else ""
    place = f" on {node}" if node and node != "None assigned" else ""
    cut = f"; its time had been cut to {cut_to}" if cut_to is not None else ""
    return JobStatus(
        JobPhase.ENDED,
        cause=ENDED[word] if cut_to is None else Cause.CUT_SHORT,
        detail=f"SLURM says {word}{code}{place}{cut}",
        ok=word == "COMPLETED",
        node=node,
        ended_at=ended_at,
    )
