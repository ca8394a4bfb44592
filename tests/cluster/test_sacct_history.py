"""Queue waits from a file of sacct: which jobs count, and what is said of a bad file."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpo.cluster.slurm.history import COLUMNS, read_history
from hpo.errors import SettingsError

DAY = "2026-11-20T"


def line(job: str, submit: str, start: str, end: str = "12:00:00", limit: str = "2:00:00") -> str:
    times = [DAY + t if t[0].isdigit() else t for t in (submit, submit, start, end)]
    return "|".join([job, *times, limit, "COMPLETED", "gpu"])


def write(folder: Path, *lines: str) -> Path:
    path = folder / "history.txt"
    path.write_text("".join(f"{text}\n" for text in lines), encoding="utf-8")
    return path


def test_the_wait_is_from_submission_to_start(tmp_path: Path) -> None:
    path = write(tmp_path, line("7", "08:00:00", "08:30:00"), line("8", "09:00:00", "09:00:05"))
    waits = read_history(path)
    assert waits.history.waits == ((120, 1800.0), (120, 5.0))
    assert waits.notes == ()


def test_what_a_job_had_to_wait_for_by_its_own_wish_does_not_count(tmp_path: Path) -> None:
    text = f"7|{DAY}08:00:00|{DAY}09:00:00|{DAY}09:10:00|Unknown|UNLIMITED|RUNNING|gpu"
    assert read_history(write(tmp_path, text)).history.waits == ((None, 600.0),)


def test_jobs_that_never_started_and_steps_are_no_waits(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        line("7", "08:00:00", "Unknown", "Unknown"),
        line("8.batch", "08:00:00", "08:20:00"),
        line("9", "08:00:00", "08:20:00"),
        "",
    )
    assert read_history(path).history.waits == ((120, 1200.0),)


def test_bad_lines_are_told_by_number_and_left_out(tmp_path: Path) -> None:
    good = line("7", "08:00:00", "08:30:00")
    path = write(tmp_path, good, "sacct: error: slurm_persist_conn", "8|x|y|z|a|b|c|d", good)
    waits = read_history(path)
    assert len(waits.history.waits) == 2
    assert waits.notes == (f"{path}: lines 2, 3 cannot be read and are left out",)


def test_a_header_tells_the_order_of_the_columns(tmp_path: Path) -> None:
    names = list(reversed(COLUMNS))
    values = list(reversed(line("7", "08:00:00", "08:30:00").split("|")))
    path = write(tmp_path, "|".join([*names, "ReqTRES"]), "|".join([*values, "cpu=1"]))
    assert read_history(path).history.waits == ((120, 1800.0),)


def test_tasks_that_may_have_waited_for_their_own_array_are_left_out(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        line("7_0", "08:00:00", "08:10:00", end="09:00:00"),
        line("7_1", "08:00:00", "08:20:00", end="09:30:00"),
        line("7_2", "08:00:00", "09:00:01", end="10:00:00"),
    )
    waits = read_history(path)
    assert [wait for _, wait in waits.history.waits] == [600.0, 1200.0]
    assert "1 tasks of arrays are left out" in waits.notes[0]


def test_an_end_before_the_start_leaves_nothing_out(tmp_path: Path) -> None:
    path = write(tmp_path, line("7_1", "08:00:00", "08:30:00", end="08:29:00"))
    assert read_history(path).history.waits == ((120, 1800.0),)


def test_only_jobs_of_the_partition_count_where_there_are_any(tmp_path: Path) -> None:
    other = line("8", "08:00:00", "08:01:00").replace("|gpu", "|main")
    path = write(tmp_path, line("7", "08:00:00", "08:30:00"), other)
    assert read_history(path, partition="gpu,long").history.waits == ((120, 1800.0),)
    waits = read_history(path, partition="bigmem")
    assert len(waits.history.waits) == 2
    assert "no job of partition bigmem" in waits.notes[0]


@pytest.mark.parametrize("text", ["", "nothing|at all", "sacct: command not found"])
def test_a_file_without_a_wait_is_refused_with_the_command_that_makes_one(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(SettingsError, match=r"no line of it tells how long .* make it with: sacct"):
        read_history(write(tmp_path, text))


def test_a_missing_file_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"No such file .* make it with: sacct -X"):
        read_history(tmp_path / "none.txt")
