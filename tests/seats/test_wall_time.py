"""How a job knows its end, also where its limit was lowered while it waited."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hpo.folder import shrunk_seats
from hpo.folder.files import Layout
from hpo.seats.job_identity import this_job
from hpo.seats.wall_time import LEAVE_AT, LIMIT_MIN, SEAT_MIN, JobTime, export_lines
from hpo.units.sizes import warning_s


def in_a_job(minutes: int, **environment: str) -> dict[str, str]:
    """What the script of a job with that limit leaves to the seat, with its own environment."""
    script = "; ".join([*export_lines(minutes), f"echo ${LIMIT_MIN} ${LEAVE_AT}"])
    command = ["bash", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    limit, leaves_at = done.stdout.split()
    return environment | {LIMIT_MIN: limit, LEAVE_AT: leaves_at}


def read(environ: dict[str, str]) -> JobTime:
    return JobTime.read(environ, on_slurm=True)


def left_s(told: JobTime, clock: Callable[[], float] = time.time) -> float:
    assert told.leave_at is not None
    return told.leave_at - clock()


def test_a_job_knows_when_it_will_be_warned() -> None:
    assert left_s(read(in_a_job(10, PATH="/usr/bin:/bin"))) == pytest.approx(540, abs=30)
    assert read(in_a_job(10, SLURM_JOB_END_TIME="5000")).leave_at == 4940
    assert read({}).leave_at is None
    assert read({LEAVE_AT: "?"}).leave_at is None


def test_a_job_counts_by_a_clock_that_nobody_sets() -> None:
    """Its end is told by the wall clock, which is asked once."""
    told = JobTime.read(
        {LEAVE_AT: "5000", "SLURM_JOB_END_TIME": "5060"}, on_slurm=True, ahead_s=4000.0
    )
    assert (told.leave_at, told.end_at) == (1000.0, 1060.0)
    environ = a_seat("7") | in_a_job(10, PATH="/usr/bin:/bin")
    assert left_s(this_job(environ).time, time.monotonic) == pytest.approx(540, abs=30)


def test_after_its_limit_was_lowered_it_leaves_in_time_for_the_new_one() -> None:
    told = read(in_a_job(120, PATH="/usr/bin:/bin")).changed_to(30)
    assert left_s(told) == pytest.approx(60 * 30 - warning_s(30), abs=30)


def test_a_slurm_that_tells_the_end_tells_the_new_one() -> None:
    told = read(in_a_job(120, SLURM_JOB_END_TIME="9000")).changed_to(30)
    assert told.leave_at == 9000 - warning_s(30)


def test_before_a_maintenance_it_has_no_more_than_it_was_submitted_with() -> None:
    told = read(in_a_job(12, PATH="/usr/bin:/bin")).changed_to(30)
    assert left_s(told) < 60 * 12


@pytest.mark.parametrize("environ", [{LEAVE_AT: "?", LIMIT_MIN: "120"}, {LEAVE_AT: "9000"}, {}])
def test_without_a_script_of_ours_no_other_end_is_known(environ: dict[str, str]) -> None:
    assert read(environ).changed_to(30).leave_at == read(environ).leave_at


def test_the_warning_comes_as_early_as_the_first_limit_asked_for() -> None:
    submitted = {LIMIT_MIN: "120"}
    assert read(submitted).changed_to(30).early_s == warning_s(120) - warning_s(30) == 120
    assert read(submitted | {SEAT_MIN: "120"}).early_s == read(submitted).early_s == 0
    assert read({SEAT_MIN: "30"}).early_s == read({SEAT_MIN: "30", LIMIT_MIN: "?"}).early_s == 0


def test_a_leg_has_what_is_left_of_the_limit_in_whole_minutes() -> None:
    told = read({SEAT_MIN: "30", LIMIT_MIN: "30", LEAVE_AT: f"{10_000 - warning_s(30)}"})
    assert told.had_s(8200.0) == told.had_s(8199.0) == 60 * 30
    assert told.had_s(9910.0) == 120
    assert told.had_s(10_001.0) == 60
    assert read({SEAT_MIN: "30"}).had_s(0.0) == 60 * 30
    assert read({LEAVE_AT: "9000"}).had_s(0.0) is None


def a_seat(job_id: str) -> dict[str, str]:
    """What SLURM and its script tell a seat that was asked for with two hours."""
    array, _, task = job_id.partition("_")
    slurm = {"SLURM_ARRAY_JOB_ID": array, "SLURM_ARRAY_TASK_ID": task} if task else {}
    return {"SLURM_JOB_ID": job_id, SEAT_MIN: "120"} | slurm


class TestWhatTheManagerNotes:
    def test_the_jobs_that_it_is_for_adopt_it_and_no_others(self, tmp_path: Path) -> None:
        layout = Layout(tmp_path)
        layout.create()
        shrunk_seats.note(layout, ["7_1", "7_10", "8"], 30)
        shrunk_seats.note(layout, ["7_10"], 10)
        shrunk_seats.note(layout, ["7_3"], 240)  # the settings were edited
        found = {}
        for job_id in ("7_1", "7_10", "7_2", "7_3", "8", "9"):
            environ = in_a_job(120, PATH="/usr/bin:/bin") | a_seat(job_id)
            told = shrunk_seats.adopt(layout, this_job(environ)).time
            assert told.asked_min is not None
            found[job_id] = told.asked_min
            expected_s = 60 * told.asked_min - warning_s(told.asked_min)
            assert left_s(told, time.monotonic) == pytest.approx(expected_s, abs=30)
        assert found == {"7_1": 30, "7_10": 10, "7_2": 120, "7_3": 240, "8": 30, "9": 120}

    @pytest.mark.parametrize("text", ["", "[]", '{"7_1": "30"}', '{"7_1": 0}'])
    def test_what_makes_no_sense_is_no_news(self, tmp_path: Path, text: str) -> None:
        layout = Layout(tmp_path)
        layout.create()
        (layout.jobs / "shrunk-7.json").write_text(text)
        for job in (this_job(a_seat("7_1")), this_job({})):
            assert shrunk_seats.adopt(layout, job) == job
