"""How a job knows its end, also where its limit was lowered while it waited."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from hpo.folder import shrunk_seats
from hpo.folder.files import Layout
from hpo.seats.job_identity import SEAT_MIN
from hpo.seats.wall_time import LEAVE_AT, LIMIT_MIN, early_s, export_lines, leave_at, shorten
from hpo.units.sizes import warning_s


def in_a_job(minutes: int, **environment: str) -> dict[str, str]:
    """What the script of a job with that limit leaves to the seat, with its own environment."""
    script = "; ".join([*export_lines(minutes), f"echo ${LIMIT_MIN} ${LEAVE_AT}"])
    command = ["bash", "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    limit, leaves_at = done.stdout.split()
    return environment | {LIMIT_MIN: limit, LEAVE_AT: leaves_at}


def left_s(environ: dict[str, str]) -> float:
    leaves_at = leave_at(environ)
    assert leaves_at is not None
    return leaves_at - time.time()


def test_a_job_knows_when_it_will_be_warned() -> None:
    assert left_s(in_a_job(10, PATH="/usr/bin:/bin")) == pytest.approx(540, abs=30)
    assert leave_at(in_a_job(10, SLURM_JOB_END_TIME="5000")) == 4940
    assert leave_at({}) is None
    assert leave_at({LEAVE_AT: "?"}) is None


def test_after_its_limit_was_lowered_it_leaves_in_time_for_the_new_one() -> None:
    environ = in_a_job(120, PATH="/usr/bin:/bin")
    shorten(environ, 30)
    assert left_s(environ) == pytest.approx(60 * 30 - warning_s(30), abs=30)


def test_a_slurm_that_tells_the_end_tells_the_new_one() -> None:
    environ = in_a_job(120, SLURM_JOB_END_TIME="9000")
    shorten(environ, 30)
    assert leave_at(environ) == 9000 - warning_s(30)


def test_before_a_maintenance_it_has_no_more_than_it_was_submitted_with() -> None:
    environ = in_a_job(12, PATH="/usr/bin:/bin")
    shorten(environ, 30)
    assert left_s(environ) < 60 * 12


def test_without_a_script_of_ours_nothing_is_known_and_nothing_changes() -> None:
    environ = {LEAVE_AT: "?", LIMIT_MIN: "120"}
    shorten(environ, 30)
    shorten(other := {}, 30)
    assert (environ, other) == ({LEAVE_AT: "?", LIMIT_MIN: "120"}, {})


def test_the_warning_comes_as_early_as_the_first_limit_asked_for() -> None:
    assert early_s(30, {LIMIT_MIN: "120"}) == warning_s(120) - warning_s(30) == 120
    assert early_s(120, {LIMIT_MIN: "120"}) == early_s(0, {LIMIT_MIN: "120"}) == 0
    assert early_s(30, {}) == early_s(30, {LIMIT_MIN: "?"}) == 0


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
        found = {}
        for job_id in ("7_1", "7_10", "7_2", "8", "9"):
            environ = in_a_job(120, PATH="/usr/bin:/bin") | a_seat(job_id)
            shrunk_seats.adopt(layout, environ)
            found[job_id] = int(environ[SEAT_MIN])
            limit_s = 60 * found[job_id]
            assert left_s(environ) == pytest.approx(limit_s - warning_s(found[job_id]), abs=30)
        assert found == {"7_1": 30, "7_10": 10, "7_2": 120, "8": 30, "9": 120}

    @pytest.mark.parametrize("text", ["", "[]", '{"7_1": "30"}', '{"7_1": 240}', '{"7_1": 0}'])
    def test_what_makes_no_sense_is_no_news(self, tmp_path: Path, text: str) -> None:
        layout = Layout(tmp_path)
        layout.create()
        (layout.jobs / "shrunk-7.json").write_text(text)
        environ = a_seat("7_1")
        shrunk_seats.adopt(layout, environ)
        shrunk_seats.adopt(layout, by_hand := {})
        assert (environ, by_hand) == (a_seat("7_1"), {})
