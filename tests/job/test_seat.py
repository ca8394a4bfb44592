"""A seat that takes several legs: which it takes, when it stops, and what its death leaves."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import psutil
import pytest
from seat_runs import JOB, SeatRun
from user_project import wait_until

from hpo.folder import offers
from hpo.folder import quarantine as quarantine_file
from hpo.seats.job_identity import this_job

PID = """
def objective(config, trial):
    trial.report(loss=float(os.getpid()))
"""


class TestWhichLegs:
    def test_it_takes_all_there_are_each_in_a_process_of_its_own(self, tmp_path: Path) -> None:
        seat = SeatRun(tmp_path, PID)
        seat.offer(4)
        printed = seat.run()
        assert seat.done() == [0, 1, 2, 3]
        assert len(set(seat.losses())) == 4
        assert "this job ends after 4 legs: no trial to run" in printed
        assert printed.index("trial 1 completed") < printed.index("trial 2, attempt 0")
        assert {p.name for p in tmp_path.glob("c/trials/*/job_*.out")} == {f"job_{JOB}.out"}

    def test_it_takes_as_many_as_it_was_told(self, tmp_path: Path) -> None:
        seat = SeatRun(tmp_path, PID, {"trials_per_job": 2})
        seat.offer(3)
        assert "trials_per_job" in seat.run()
        assert seat.done() == [0, 1]
        assert seat.left() == [2]
        # So that the manager knows when to ask for the next job.
        assert [seat.result(i).get("goes_on", False) for i in (0, 1)] == [True, False]

    def test_by_default_it_takes_one_in_the_jobs_own_process(self, tmp_path: Path) -> None:
        seat = SeatRun(tmp_path, PID, {"trials_per_job": 1})
        seat.offer(2)
        job = seat.start()
        job.communicate(timeout=100)
        assert seat.losses() == [job.pid]
        assert seat.left() == [1]
        assert "goes_on" not in seat.result(0)

    @pytest.mark.parametrize("trials_per_job", [1, "auto"])
    def test_it_waits_for_no_leg_once_the_campaign_has_ended(
        self, tmp_path: Path, trials_per_job: int | str
    ) -> None:
        seat = SeatRun(tmp_path, PID, {"trials_per_job": trials_per_job, "claim_timeout": 600.0})
        job = seat.start()
        time.sleep(0.5)
        seat.layout.leave.touch()
        printed, _ = job.communicate(timeout=100)
        assert "the campaign is over" in printed
        assert job.returncode == 0

    def test_it_takes_none_that_needs_more_time_than_is_left(self, tmp_path: Path) -> None:
        seat = SeatRun(tmp_path, PID)
        seat.offer(2)
        seat.offer(1, first=2, time_s=100)
        seat.offer(1, first=3, time_s=10_000)
        seat.run(HPO_LEAVE_AT=str(time.time() + 1000))
        assert seat.done() == [0, 1, 2]
        assert seat.left() == [3]

    def test_after_its_time_it_takes_none(self, tmp_path: Path) -> None:
        seat = SeatRun(tmp_path, PID)
        seat.offer(2)
        assert "its time is nearly over" in seat.run(HPO_LEAVE_AT="1000")
        assert seat.done() == [0]

    def test_after_three_failures_in_a_row_it_leaves_the_rest_to_others(
        self, tmp_path: Path
    ) -> None:
        body = (
            "def objective(config, trial):\n"
            "    if trial.trial_id == 1: return trial.report(loss=1.0)\n"
            "    raise RuntimeError('no GPU')\n"
        )
        seat = SeatRun(tmp_path, body)
        seat.offer(7)
        assert "3 of its trials failed in a row" in seat.run()
        assert seat.left() == [5, 6]
        assert [seat.result(i).get("goes_on", False) for i in range(5)] == [True] * 4 + [False]

    @pytest.mark.parametrize("how", ["leave", "stop", "quarantine"])
    def test_it_takes_no_other_once_the_campaign_wants_none_of_it(
        self, tmp_path: Path, how: str
    ) -> None:
        body = (
            "def objective(config, trial):\n"
            "    trial.report(loss=1.0)\n"
            "    (HERE / 'c' / 'NAME').touch()\n"
        )
        name = {"leave": "leave", "stop": "stop.json"}.get(how, "any")
        seat = SeatRun(tmp_path, body.replace("NAME", name))
        if how == "quarantine":
            quarantine_file.publish(seat.layout, {this_job().host: 1e12, "other": 1e12})
        seat.offer(2)
        seat.run()
        assert seat.done() == [0]
        assert seat.left() == [1]

    def test_asked_to_leave_it_saves_and_takes_no_other(self, tmp_path: Path) -> None:
        body = """
def objective(config, trial):
    state = {"n": 0}
    trial.restore(state=state)
    for epoch in trial.epochs():
        (HERE / "training").touch()
        time.sleep(0.05)
        trial.report(loss=1.0)
"""
        seat = SeatRun(tmp_path, body)
        seat.offer(2, target=10_000)
        job = seat.start()
        wait_until((tmp_path / "training").exists, "it trains")
        job.send_signal(signal.SIGUSR2)
        printed, _ = job.communicate(timeout=60)
        assert job.returncode == 0, printed
        assert seat.result(0)["status"] == "interrupted"
        assert list((seat.layout.trial(0) / "checkpoint").glob("epoch_*"))
        assert seat.left() == [1]


class TestDeaths:
    BODY = """
def objective(config, trial):
    (HERE / f"pid-{trial.trial_id}").write_text(str(os.getpid()))
    while not (HERE / "go").exists(): time.sleep(0.01)
    trial.report(loss=1.0)
"""

    def test_a_trial_does_not_outlive_its_seat(self, tmp_path: Path) -> None:
        seat = SeatRun(tmp_path, self.BODY)
        seat.offer(1)
        job = seat.start()
        note = tmp_path / "pid-0"
        wait_until(lambda: note.exists() and note.read_text(), "it trains")
        job.kill()
        job.communicate(timeout=60)
        wait_until(lambda: not _lives(int(note.read_text())), "its trial is gone", 20.0)
        assert [leg.trial_id for leg in offers.held_by(seat.layout, JOB)] == [0]

    def test_a_killed_trial_of_a_job_that_is_asked_to_leave_is_given_back(
        self, tmp_path: Path
    ) -> None:
        seat = SeatRun(tmp_path, self.BODY)
        seat.offer(2)
        job = seat.start()
        note = tmp_path / "pid-0"
        wait_until(lambda: note.exists() and note.read_text(), "it trains")
        job.send_signal(signal.SIGTERM)
        psutil.Process(int(note.read_text())).kill()
        printed, _ = job.communicate(timeout=60)
        assert job.returncode == 0, printed
        legs = offers.list_legs(seat.layout.offers)
        assert [(leg.trial_id, leg.attempt) for leg in legs] == [(0, 1), (1, 0)]

    def test_where_the_files_fail_the_whole_job_ends_to_be_run_again(self, tmp_path: Path) -> None:
        body = "def objective(config, trial):\n    raise OSError(28, 'No space left on device')\n"
        seat = SeatRun(tmp_path, body)
        seat.offer(2)
        seat.run(75)
        assert [leg.trial_id for leg in offers.held_by(seat.layout, JOB)] == [0]


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
