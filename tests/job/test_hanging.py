"""Real jobs whose trials hang: each kind of process, and what the job does then."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from seat_runs import SeatRun
from user_project import wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="shows stacks by a signal of Linux")

# Without ever giving the interpreter's lock back, so that no thread of it could see that.
HOLDS_THE_LOCK = """
def deadlock():
    import ctypes
    mutex = ctypes.create_string_buffer(64)
    for _ in range(2):  # the second one waits for itself, whatever signals come
        ctypes.PyDLL(None).pthread_mutex_lock(mutex)
def objective(config, trial):
    for epoch in trial.epochs():
        if epoch == 2 and trial.trial_id == 0:
            deadlock()
        trial.report(epoch=epoch, loss=1.0)
"""
PATIENCE_S = 4  # a fresh interpreter may take seconds on a machine that is busy
TWO_EPOCHS: dict[str, Any] = {"config": {"x": 1.0, "max_epochs": 2}, "target": 2}


def require_hung(run: SeatRun, printed: str, where: str = "in deadlock") -> None:
    result = run.result(0)
    assert (result["status"], result["cause"]) == ("failed", "hung")
    assert "no report for" in result["message"]
    assert f"hang_after is {PATIENCE_S} s" in result["message"]
    assert where in printed
    assert "trial 0 is to be ended: no report for" in printed
    assert "longest_silence_s" not in result["additional_info"]  # it is no measure for others
    assert 0 in run.done()


def test_a_job_of_one_trial_is_ended_also_where_nothing_of_it_runs_any_more(
    tmp_path: Path,
) -> None:
    run = SeatRun(tmp_path, HOLDS_THE_LOCK, {"trials_per_job": 1, "hang_after": PATIENCE_S})
    run.offer(1, **TWO_EPOCHS)
    require_hung(run, run.run(-signal.SIGKILL))
    assert run.result(0)["resource"] == 1


@pytest.mark.parametrize("head", ["", "threading.Thread(target=time.sleep, args=(5,)).start()\n"])
def test_a_job_of_several_goes_on_with_the_next_one(tmp_path: Path, head: str) -> None:
    run = SeatRun(tmp_path, head + HOLDS_THE_LOCK, {"hang_after": PATIENCE_S})
    run.offer(3, **TWO_EPOCHS)
    printed = run.run()
    require_hung(run, printed)
    assert ("fresh interpreter" in printed) == bool(head)
    assert [run.result(i)["status"] for i in (1, 2)] == ["completed"] * 2


def test_all_in_one_process_end_with_it(tmp_path: Path) -> None:
    run = SeatRun(tmp_path, HOLDS_THE_LOCK, {"hang_after": PATIENCE_S, "trial_process": "same"})
    run.offer(2, **TWO_EPOCHS)
    require_hung(run, run.run(-signal.SIGKILL))
    assert run.left() == [1]


def test_code_that_hangs_in_its_import_is_ended_too(tmp_path: Path) -> None:
    code = "def deadlock():\n    time.sleep(1000)\ndeadlock()\n"
    run = SeatRun(tmp_path, code, {"hang_after": PATIENCE_S})
    run.offer(1)
    require_hung(run, run.run(-signal.SIGKILL))


def test_a_script_that_hangs_shows_its_own_stack(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    asked = {"hang_after": PATIENCE_S, "trials_per_job": 1, "objective": f"script:{script}"}
    run = SeatRun(tmp_path, "", asked)
    script.write_text(
        "import time\nfrom hpo import Reporter\nreport = Reporter()\n"
        "def deadlock():\n    time.sleep(1000)\ndeadlock()\n"
    )
    run.offer(1)
    require_hung(run, run.run(-signal.SIGKILL), "script.py")


def test_where_nobody_wants_it_watched_no_process_looks_on(tmp_path: Path) -> None:
    run = SeatRun(tmp_path, HOLDS_THE_LOCK, {"trials_per_job": 1, "hang_after": "never"})
    run.offer(1, **TWO_EPOCHS)
    with run.start() as job:
        wait_until(lambda: (run.layout.trial(0) / "reports-a0.jsonl").exists(), "it trains")
        assert processes_of(run) == {job.pid}
        job.kill()


def test_the_watching_process_ends_with_its_job(tmp_path: Path) -> None:
    run = SeatRun(tmp_path, HOLDS_THE_LOCK, {"trials_per_job": 1, "hang_after": 60})
    run.offer(1, **TWO_EPOCHS)
    with run.start() as job:
        wait_until(lambda: (run.layout.trial(0) / "reports-a0.jsonl").exists(), "it trains")
        (watching,) = processes_of(run) - {job.pid}
        os.kill(watching, signal.SIGTERM)  # as SLURM signals all processes of a job
        job.kill()
    wait_until(lambda: not psutil.pid_exists(watching) or is_zombie(watching), "it ends")


def is_zombie(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def processes_of(run: SeatRun) -> set[int]:
    """All that were started as jobs of the campaign, or forked from those."""
    root = str(run.layout.root)
    found = psutil.process_iter(["cmdline", "status"])
    return {
        p.pid
        for p in found
        if root in (p.info["cmdline"] or ()) and p.info["status"] != psutil.STATUS_ZOMBIE
    }


def test_one_that_the_question_for_its_stack_wakes_goes_on(tmp_path: Path) -> None:
    code = HOLDS_THE_LOCK.replace("if epoch == 2", "if epoch == 1")
    code = code.replace("mutex = ", "ctypes.PyDLL(None).sleep(1000); return; mutex = ")
    run = SeatRun(tmp_path, code, {"trials_per_job": 1, "hang_after": PATIENCE_S})
    run.offer(1, **TWO_EPOCHS)
    printed = run.run()
    assert "in deadlock" in printed
    assert run.result(0)["status"] == "completed"
    assert run.result(0)["additional_info"]["longest_silence_s"] >= PATIENCE_S
