"""Every word of SLURM has been decided about, and no line of it can break the manager."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.cluster.slurm import status as slurm_status
from hpo.cluster.slurm.request import SeatRequest
from hpo.cluster.slurm.status import QueueRow, read_sacct, read_squeue, status_of
from hpo.record.causes import INFRASTRUCTURE, Cause
from hpo.seats.book import JobPhase
from hpo.settings.search import SlurmSettings
from hpo.units.sizes import Size

# squeue(1), JOB STATE CODES, of all versions from 18.08 to 26.05: base states, then flags.
BASE = [
    "PENDING",
    "RUNNING",
    "SUSPENDED",
    "COMPLETED",
    "CANCELLED",
    "FAILED",
    "TIMEOUT",
    "NODE_FAIL",
    "PREEMPTED",
    "BOOT_FAIL",
    "DEADLINE",
    "OUT_OF_MEMORY",
]
FLAGS = [
    "LAUNCH_FAILED",
    "REQUEUED",
    "REQUEUE_HOLD",
    "SPECIAL_EXIT",
    "RESIZING",
    "CONFIGURING",
    "COMPLETING",
    "STOPPED",
    "RECONFIG_FAIL",
    "POWER_UP_NODE",
    "REVOKED",
    "REQUEUE_FED",
    "RESV_DEL_HOLD",
    "SIGNALING",
    "STAGE_OUT",
    "EXPEDITING",
]

WAITS = "queued"
RUNS = "running"
IN_BETWEEN = None  # in squeue: perhaps on its way back into the queue
EXPECTED: dict[str, tuple[str | None, Cause | None]] = {
    # word: what squeue tells, what took the job from its leg if sacct says it
    "PENDING": (WAITS, None),
    "REQUEUED": (WAITS, None),
    "REQUEUE_FED": (WAITS, None),
    "REQUEUE_HOLD": (WAITS, None),
    "SPECIAL_EXIT": (WAITS, None),
    "RESV_DEL_HOLD": (WAITS, None),
    "RUNNING": (RUNS, None),
    "CONFIGURING": (RUNS, None),
    "COMPLETING": (RUNS, None),
    "SUSPENDED": (RUNS, None),
    "STOPPED": (RUNS, None),
    "RESIZING": (RUNS, None),
    "SIGNALING": (RUNS, None),
    "STAGE_OUT": (RUNS, None),
    "POWER_UP_NODE": (RUNS, None),
    "EXPEDITING": (IN_BETWEEN, None),
    "PREEMPTED": (IN_BETWEEN, Cause.PREEMPTED),
    "NODE_FAIL": (IN_BETWEEN, Cause.NODE_FAILED),
    "BOOT_FAIL": ("ended", Cause.NODE_FAILED),
    "LAUNCH_FAILED": ("ended", Cause.NODE_FAILED),
    "RECONFIG_FAIL": ("ended", Cause.NODE_FAILED),
    "REVOKED": ("ended", Cause.VANISHED),
    "TIMEOUT": ("ended", Cause.TIME_LIMIT),
    "DEADLINE": ("ended", Cause.TIME_LIMIT),
    "OUT_OF_MEMORY": ("ended", Cause.OUT_OF_MEMORY),
    "FAILED": ("ended", Cause.KILLED),
    "COMPLETED": ("ended", Cause.KILLED),
    "CANCELLED": ("ended", Cause.CANCELLED),
}


def row(word: str) -> QueueRow:
    return QueueRow("12_3", word, "Priority", "gpu003", "2:00:00", "4G", "N/A", "trial.c")


def test_every_word_of_slurm_is_decided_about_here() -> None:
    assert set(EXPECTED) == {*BASE, *FLAGS}


@pytest.mark.parametrize("word", EXPECTED)
def test_what_squeue_says_of_a_job(word: str) -> None:
    status = status_of(row(word))
    assert (None if status is None else status.phase.value) == EXPECTED[word][0]
    if word == "PENDING":
        assert status is not None
        assert status.reason == "Priority"
    if word == "RUNNING":
        assert status is not None
        assert status.node == "gpu003"


@pytest.mark.parametrize(
    ("name", "mem_mb"),
    [
        ("trial-6144M.c", 6144),
        ("trial-0M.c", None),
        ("trial.c", None),
        ("trial_17.c", None),
        ("trial.trial-5M.c", None),
    ],
)
def test_the_name_of_a_seat_tells_the_memory_that_it_was_raised_to(
    name: str, mem_mb: int | None
) -> None:
    for word in ("PENDING", "RUNNING"):
        status = status_of(QueueRow("12_3", word, "Priority", "gpu003", "10:00", "4G", "N/A", name))
        assert status is not None
        assert status.size.mem_mb == mem_mb
    if mem_mb:
        assert SeatRequest(SlurmSettings()).job_name("c", Size(mem_mb)) == name


@pytest.mark.parametrize(
    ("name", "limit", "memory", "expected"),
    [
        ("trial-30min.c", "10:00", "4G", Size(None, 30)),  # cut before a maintenance
        ("trial-768M-30min.c", "30:00", "768M", Size(768, 30)),
        ("trial-768M.c", "2:00:00", "768M", Size(768, 120)),  # raised in its place
        ("trial_17.c", "30:00", "768M", Size(None, 30)),  # requeued, after it ran a trial
        ("trial.c", "UNLIMITED", "4G", Size()),
    ],
)
def test_the_name_and_the_limit_tell_what_a_seat_was_asked_for_with(
    name: str, limit: str, memory: str, expected: Size
) -> None:
    row = QueueRow("12_3", "PENDING", "Priority", "", limit, memory, "N/A", name)
    status = status_of(row)
    assert status is not None
    assert status.size == expected
    # Where the memory is learned, each seat's counts.
    told = status_of(row, tells_memory=True)
    assert told is not None
    assert told.size.mem_mb == {"4G": 4096, "768M": 768}[memory]
    assert status_of(replace(row, memory="4Gc"), tells_memory=True) == status
    request = SeatRequest(SlurmSettings())
    assert request.job_name("c", Size(768, 30)) == "trial-768M-30min.c"
    assert request.job_name("c", Size(time_min=30)) == "trial-30min.c"


@pytest.mark.parametrize("word", EXPECTED)
@pytest.mark.parametrize("form", ["{}", "{} by 1000", "{}+", "{} by 1000+"])
def test_what_sacct_says_of_a_job(word: str, form: str) -> None:
    ended = read_sacct(f"12_3|{form.format(word)}|0:9|gpu003|02:00:00|\n")
    cause = EXPECTED[word][1]
    assert set(ended) == (set() if cause is None else {"12_3"})
    if cause is not None:
        assert ended["12_3"].phase is JobPhase.ENDED
        assert ended["12_3"].cause is cause
        assert ended["12_3"].ok is (word == "COMPLETED")


@pytest.mark.parametrize("word", ["", "PENDING?", "pending", "CANCELLED by 1000", "NEW_IN_2030"])
def test_an_unknown_word_in_squeue_is_no_news(word: str) -> None:
    assert status_of(row(word)) is None


def test_hardware_and_preemption_are_never_the_trials_fault() -> None:
    for word in ("PREEMPTED", "NODE_FAIL", "BOOT_FAIL", "LAUNCH_FAILED", "RECONFIG_FAIL"):
        assert EXPECTED[word][1] in INFRASTRUCTURE


@pytest.mark.parametrize(
    ("line", "detail"),
    [
        ("1|FAILED|1:0|gpu003|02:00:00|", "SLURM says FAILED, exit code 1:0 on gpu003"),
        ("1|CANCELLED by 1000|0:0|None assigned|02:00:00|", "SLURM says CANCELLED"),
        ("1|OUT_OF_MEMORY|0:125||UNLIMITED|", "SLURM says OUT_OF_MEMORY, exit code 0:125"),
    ],
)
def test_an_end_is_told_in_slurms_words(line: str, detail: str) -> None:
    assert read_sacct(line)["1"].detail == detail


def test_a_seat_that_could_not_use_the_files_has_not_failed() -> None:
    status = read_sacct("1|FAILED|75:0|gpu003|02:00:00|2026-11-21T09:14:52")["1"]
    assert status.cause is Cause.STORAGE
    assert not status.ok
    assert "on gpu003 could not use the campaign's files" in status.detail
    assert read_sacct("1|OUT_OF_MEMORY|75:0|n||")["1"].cause is Cause.OUT_OF_MEMORY


@pytest.mark.parametrize("code", ["0:15", "0:12"])
def test_a_seat_that_its_own_request_to_leave_ended_has_not_failed(code: str) -> None:
    status = read_sacct(f"7|FAILED|{code}|gpu1|01:00:00|Unknown")["7"]
    assert status.cause is Cause.PREEMPTED
    assert "asked to leave" in status.detail
    assert read_sacct("7|FAILED|0:9|gpu1|01:00:00|Unknown")["7"].cause is Cause.KILLED


def test_an_end_is_told_with_its_time() -> None:
    ended_at = read_sacct("1|FAILED|1:0|gpu003||2026-11-21T09:14:52")["1"].ended_at
    assert ended_at == datetime(2026, 11, 21, 9, 14, 52).timestamp()
    for unknown in ("Unknown", "", "None", "2026-11-21"):
        assert read_sacct(f"1|FAILED|1:0|gpu003||{unknown}")["1"].ended_at is None


def test_arrays_and_single_jobs_are_read_line_by_line() -> None:
    text = (
        "12_0|RUNNING|None|gpu001|2:00:00|4G|2026-11-21T09:14:52|trial_4.mlp\n"
        "12_1|PENDING|JobArrayTaskLimit||2:00:00|4G|N/A|trial.mlp\n"
        "13|PENDING|launch failed requeued held||10:00|500M||a|name|with|bars\n"
    )
    rows = read_squeue(text)
    assert [r.job_id for r in rows] == ["12_0", "12_1", "13"]
    assert rows[0] == QueueRow(
        "12_0", "RUNNING", "None", "gpu001", "2:00:00", "4G", "2026-11-21T09:14:52", "trial_4.mlp"
    )
    assert rows[2].name == "a|name|with|bars"
    assert slurm_status.SQUEUE_FORMAT.count("|") == 7
    assert slurm_status.SACCT_FORMAT.count(",") == 5


def test_lines_of_another_shape_are_skipped() -> None:
    assert read_squeue("slurm_load_jobs error: x\n\n1|RUNNING\n") == []
    assert (
        read_sacct("sacct: error\n\n1|FAILED\n1||0:0|n\n1|  |0:0|n\n1|FAILED|0:0|n|1|t|more\n")
        == {}
    )


pieces = st.sampled_from([*EXPECTED, "|", "||", "+", " by ", "\n", "\r", "12_3", "None assigned"])


@given(st.lists(pieces | st.text(max_size=5), max_size=30).map("".join))
def test_no_text_whatever_raises(text: str) -> None:
    for found in read_squeue(text):
        status_of(found)
    for status in read_sacct(text).values():
        assert status.phase is JobPhase.ENDED


def test_tasks_that_were_cancelled_as_they_waited_share_a_row() -> None:
    rows = (
        "17_3|COMPLETED|0:0|n1|5|\n17_[4-6,9%8]|CANCELLED by 0|0:0|None assigned|5|\n"
        "17_5|FAILED|1:0|n2|5|"
    )
    ended = slurm_status.read_sacct(rows)
    assert sorted(ended) == ["17_3", "17_4", "17_5", "17_6", "17_9"]
    assert ended["17_4"].cause is Cause.CANCELLED
    assert ended["17_5"].cause is Cause.KILLED
    assert slurm_status.read_sacct("17_[x]|CANCELLED|0:0|||\n17_[|CANCELLED|0:0|||") == {}


@pytest.mark.parametrize(
    ("limit", "usual", "cause"),
    [
        ("00:06:00", (600,), Cause.CUT_SHORT),
        ("3-00:00:00", (3 * 1440 + 1,), Cause.CUT_SHORT),
        ("10:00:00", (600,), Cause.TIME_LIMIT),
        ("11:00:00", (600,), Cause.TIME_LIMIT),
        ("UNLIMITED", (600,), Cause.TIME_LIMIT),
        ("", (600,), Cause.TIME_LIMIT),
        ("00:06:00", (), Cause.TIME_LIMIT),
        ("00:10:00", (5, 10, 120), Cause.TIME_LIMIT),  # learned, and as asked for
        ("00:12:00", (5, 10, 120), Cause.CUT_SHORT),
    ],
)
def test_a_job_whose_time_was_cut_is_told_apart(
    limit: str, usual: tuple[int, ...], cause: Cause
) -> None:
    told = read_sacct(f"1|TIMEOUT|0:0|gpu1|{limit}|\n1_1|FAILED|1:0|gpu1|{limit}|", usual)
    assert told["1"].cause is cause
    assert told["1_1"].cause is Cause.KILLED
    listed = status_of(
        QueueRow("1", "TIMEOUT", "TimeLimit", "gpu1", limit, "4G", "N/A", "trial.c"), usual
    )
    assert listed is not None
    assert listed.cause is cause
    if cause is Cause.CUT_SHORT:
        assert f"cut to {limit}" in told["1"].detail


def test_of_a_job_that_was_requeued_its_last_life_that_ended_tells() -> None:
    lives = slurm_status.read_former_lives(
        "73|PREEMPTED|0:0|gpu1|00:05:00|2026-11-29T11:56:40\n"
        "73|NODE_FAIL|0:0|gpu4|00:05:00|2026-11-29T11:57:40\n"
        "73|PENDING|0:0|None assigned|00:05:00|Unknown\n"
        "74_2|PREEMPTED|0:0|gpu2|00:05:00|2026-11-29T11:57:40\n"
    )
    assert {job_id: (one.cause, one.node) for job_id, one in lives.items()} == {
        "73": (Cause.NODE_FAILED, "gpu4"),
        "74_2": (Cause.PREEMPTED, "gpu2"),
    }
