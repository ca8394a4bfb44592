"""How users' code may end in a job that was asked to leave, and that its own failures stay."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import psutil
import pytest
from seat_runs import SeatRun
from user_project import wait_until

from hpo.folder import offers

SAVES = "    state = {'n': 0}\n    trial.restore(state=state)\n"
REPORTS = f"""
def objective(config, trial):
{SAVES}
    for epoch in trial.epochs():
        trial.report(loss=1.0)
        if epoch == 2: break
    (HERE / "training").touch()
"""
# Each ends in its own way once the job is asked to leave, before it comes to a report.
ENDS = {
    "an exception": """
    while not (HERE / "asked").exists(): time.sleep(0.01)
    raise ValueError("the workers are gone")
""",
    "a return": """
    while not (HERE / "asked").exists(): time.sleep(0.01)
""",
    "a handler of its own that exits": """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    (HERE / "ready").touch()
    time.sleep(60)
""",
    "a handler that is asked later, as Lightning's": """
    class Terminated(SystemExit): pass
    seen, before = [], signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *them: (seen.append(them), before(*them)))
    (HERE / "ready").touch()
    while not seen: time.sleep(0.01)
    raise Terminated()
""",
    "a handler of its own that sets a flag": """
    seen = []
    signal.signal(signal.SIGTERM, lambda *_: seen.append(1))
    (HERE / "ready").touch()
    while not seen: time.sleep(0.01)
    raise RuntimeError("stopped by my own flag")
""",
}


def started(seat: SeatRun, target: int = 10) -> subprocess.Popen[str]:
    seat.offer(1, target=target, config={"x": 1.0, "max_epochs": target})
    job = seat.start()
    wait_until((seat.folder / "training").exists, "it trains", 30.0)
    return job


def ended(job: subprocess.Popen[str]) -> str:
    printed, _ = job.communicate(timeout=100)
    assert job.returncode == 0, printed
    return printed


def require_interrupted(seat: SeatRun, resource: int = 2) -> dict[str, Any]:
    result = seat.result(0)
    assert (result["status"], result["cause"], result["traceback"]) == ("interrupted", None, None)
    assert result["resource"] == resource
    return result


@pytest.mark.parametrize("trials_per_job", [1, "auto"])
@pytest.mark.parametrize("how", ENDS)
def test_whatever_ends_it_after_the_request_is_an_interruption(
    tmp_path: Path, how: str, trials_per_job: int | str
) -> None:
    seat = SeatRun(tmp_path, REPORTS + ENDS[how], {"trials_per_job": trials_per_job})
    job = started(seat)
    if "ready" in ENDS[how]:
        wait_until((tmp_path / "ready").exists, "it has its handler", 30.0)
    seat_itself = psutil.Process(job.pid)
    for process in [*seat_itself.children(recursive=True), seat_itself]:
        process.terminate()  # as SLURM: every process of the job
    (tmp_path / "asked").touch()
    printed = ended(job)
    if "trial 0 interrupted" in printed:
        assert "its job was asked to leave" in require_interrupted(seat)["message"]
    else:
        # The seat passes the signal on, and its handler may exit once more while the first exit is
        # on its way: then nothing is written, and the seat offers the leg again.
        assert (how, trials_per_job) == ("a handler of its own that exits", "auto")
        assert [leg.attempt for leg in offers.list_legs(seat.layout.offers)] == [1]
    # What was saved stays, for the next attempt.
    assert (seat.layout.trial(0) / "checkpoint" / "epoch_2-a0").is_dir()


KILLED_CHILD = (
    REPORTS
    + """
    import subprocess
    child = subprocess.Popen(["sleep", "60"])
    (HERE / "pid").write_text(str(child.pid))
    code = child.wait()
    raise RuntimeError(f"DataLoader worker (pid {child.pid}) is killed by signal: Terminated.")
"""
)


def test_a_killed_child_is_seen_before_the_request_that_killed_it(tmp_path: Path) -> None:
    seat = SeatRun(tmp_path, KILLED_CHILD, {"trials_per_job": 1})
    job = started(seat)
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "a child")
    psutil.Process(int((tmp_path / "pid").read_text())).terminate()
    with pytest.raises(subprocess.TimeoutExpired):  # it waits for what may follow
        job.wait(timeout=1.0)
    job.terminate()
    ended(job)
    require_interrupted(seat)


def test_a_killed_child_that_no_request_follows_is_a_failure(tmp_path: Path) -> None:
    seat = SeatRun(tmp_path, KILLED_CHILD, {"trials_per_job": 1})
    job = started(seat)
    wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "a child")
    psutil.Process(int((tmp_path / "pid").read_text())).terminate()
    ended(job)
    result = seat.result(0)
    assert (result["status"], result["cause"]) == ("failed", "RuntimeError")
    assert "killed by signal" in result["traceback"]


@pytest.mark.parametrize("line", ["raise ValueError('a bug')", "return"])
def test_without_a_request_its_end_is_its_own(tmp_path: Path, line: str) -> None:
    seat = SeatRun(tmp_path, f"def objective(config, trial):\n    {line}\n", {"trials_per_job": 1})
    seat.offer(1)
    seat.run()
    assert seat.result(0)["status"] == "failed"


def test_a_request_by_the_campaign_counts_as_one_by_signal(tmp_path: Path) -> None:
    seat = SeatRun(tmp_path, REPORTS + ENDS["an exception"], {"trials_per_job": 1})
    job = started(seat)
    seat.layout.leave.touch()
    (tmp_path / "asked").touch()
    ended(job)
    require_interrupted(seat)


def test_after_its_last_report_it_is_interrupted_too(tmp_path: Path) -> None:
    """Its model may not be saved yet; the next attempt finds nothing to train."""
    seat = SeatRun(tmp_path, REPORTS + ENDS["an exception"], {"trials_per_job": 1})
    job = started(seat, target=2)
    job.terminate()
    (tmp_path / "asked").touch()
    ended(job)
    require_interrupted(seat)


def test_a_process_that_exits_at_once_gives_its_trial_back(tmp_path: Path) -> None:
    body = (
        REPORTS
        + """
    signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
    (HERE / "ready").touch()
    time.sleep(60)
"""
    )
    seat = SeatRun(tmp_path, body)
    job = started(seat)
    wait_until((tmp_path / "ready").exists, "it has its handler", 30.0)
    job.terminate()
    ended(job)
    assert [(leg.trial_id, leg.attempt) for leg in offers.list_legs(seat.layout.offers)] == [(0, 1)]


SCRIPT = """
import sys, time
from pathlib import Path
from hpo import Reporter
report = Reporter()
for epoch in range(1, 1000):
    report(epoch=epoch, loss=1.0)
    Path(__file__).with_name("training").touch()
    if epoch == 2: time.sleep(60)
"""


@pytest.mark.parametrize("script_first", [True, False])
def test_a_script_that_dies_of_the_signal_is_interrupted(
    tmp_path: Path, script_first: bool
) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    settings = {"objective": f"script:{tmp_path / 'script.py'}", "trials_per_job": 1}
    seat = SeatRun(tmp_path, "", settings)
    job = started(seat)
    reports = seat.layout.trial(0) / "reports-a0.jsonl"
    wait_until(lambda: len(reports.read_text().splitlines()) == 2, "it sleeps", 30.0)
    (script,) = psutil.Process(job.pid).children()
    for process in (script, job) if script_first else (job, script):
        process.terminate()
    ended(job)
    require_interrupted(seat)


class TestChildren:
    def test_they_have_the_default_dispositions(self, tmp_path: Path) -> None:
        body = """
import multiprocessing
def sleep(_=None): time.sleep(60)
def objective(config, trial):
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=sleep)
    child.start()
    time.sleep(0.2)
    child.terminate()
    child.join(10)
    with fork.Pool(2) as pool:
        assert pool.map(abs, [-1]) == [1]
        pool.map_async(sleep, [1, 2])
    trial.report(loss=float(child.exitcode))
"""
        for number, trials_per_job in enumerate([1, "auto"]):
            folder = tmp_path / str(number)
            folder.mkdir()
            seat = SeatRun(folder, body, {"trials_per_job": trials_per_job})
            seat.offer(1)
            seat.run()
            assert seat.losses() == [-signal.SIGTERM]

    def test_a_signal_to_one_of_them_is_no_request_to_the_job(self, tmp_path: Path) -> None:
        body = """
def objective(config, trial):
    for epoch in trial.epochs():
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
            os.write(writing, b"x")
            time.sleep(60)
        os.read(reading, 1)
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)
        trial.report(loss=1.0)
"""
        seat = SeatRun(tmp_path, body, {"trials_per_job": 1})
        seat.offer(1, target=3)
        seat.run()
        assert seat.result(0)["status"] == "completed"
        assert seat.result(0)["resource"] == 3
