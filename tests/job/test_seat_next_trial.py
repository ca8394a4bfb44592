"""A seat that takes several legs: in which process each runs, and what reaches the next."""

from __future__ import annotations

from pathlib import Path

import pytest
from seat_runs import SeatRun


class TestOneTrialAndTheNext:
    def test_a_trial_that_dies_fails_in_words_and_the_next_runs(self, tmp_path: Path) -> None:
        body = """
def objective(config, trial):
    trial.report(loss=0.5)
    if trial.trial_id == 0: os.kill(os.getpid(), signal.SIGSEGV)
    if trial.trial_id == 1: os._exit(3)
    if trial.trial_id == 2: sys.exit(4)
    trial.report(loss=0.25)
"""
        seat = SeatRun(tmp_path, body)
        seat.offer(4, target=2)
        assert "trial 0: its process was killed by SIGSEGV" in seat.run()
        assert seat.done() == [0, 1, 2]  # the third in a row
        messages = [seat.result(i)["message"] for i in range(3)]
        assert messages[:2] == [
            "its process was killed by SIGSEGV",
            "its process ended with exit code 3 and without a result",
        ]
        assert "sys.exit(4)" in messages[2]
        assert [seat.result(i)["cause"] for i in range(2)] == ["killed", "killed"]
        assert [len(seat.result(i)["reports"]) for i in range(3)] == [1, 1, 1]
        assert all(seat.result(i)["status"] == "failed" for i in range(3))

    @pytest.mark.parametrize(("process", "seen"), [("fork", [1, 1, 1]), ("same", [1, 2, 3])])
    def test_what_a_trial_leaves_behind_reaches_the_next_only_in_the_same_process(
        self, tmp_path: Path, process: str, seen: list[int]
    ) -> None:
        body = """
KEPT = []
def objective(config, trial):
    KEPT.append(1)
    os.environ["LEFT"] = os.environ.get("LEFT", "") + "x"
    assert len(os.environ["LEFT"]) == len(KEPT)
    trial.report(loss=len(KEPT))
"""
        seat = SeatRun(tmp_path, body, {"trial_process": process})
        seat.offer(3)
        seat.run()
        assert seat.losses() == seen

    def test_random_numbers_are_those_of_a_fresh_interpreter(self, tmp_path: Path) -> None:
        """Seeded where the user seeds, and else different in each trial, in any order of legs."""
        body = """
import random
import numpy as np
if NAME == "seeded":
    random.seed(5); np.random.seed(6)
def objective(config, trial):
    trial.report(loss=random.random() + 10 * np.random.random())
"""
        losses = {}
        for name, per_job in (("seeded", "auto"), ("seeded", 1), ("not", "auto")):
            folder = tmp_path / f"{name}-{per_job}"
            folder.mkdir()
            body_here = body.replace("NAME", repr(name))
            seat = SeatRun(folder, body_here, {"trials_per_job": per_job})
            seat.offer(3)
            seat.run()
            losses[name, per_job] = seat.losses()
        assert losses["seeded", "auto"] == losses["seeded", 1] * 3
        parts = [(int(loss % 1 * 1e9), int(loss * 1e9)) for loss in losses["not", "auto"]]
        assert len({part[0] for part in parts}) == len({part[1] for part in parts}) == 3

    def test_exit_functions_of_a_trial_are_called(self, tmp_path: Path) -> None:
        body = """
import atexit
def objective(config, trial):
    atexit.register(lambda: (HERE / f"flushed-{trial.trial_id}").touch())
    trial.report(loss=1.0)
"""
        seat = SeatRun(tmp_path, body)
        seat.offer(2)
        seat.run()
        assert sorted(p.name for p in tmp_path.glob("flushed-*")) == ["flushed-0", "flushed-1"]

    def test_exit_functions_of_the_module_are_left_to_the_job(self, tmp_path: Path) -> None:
        """A folder that all trials share lies there until the job ends."""
        body = """
import atexit, tempfile
SHARED = tempfile.TemporaryDirectory(dir=HERE, prefix="shared-")
atexit.register(lambda: (HERE / f"ended-{os.getpid()}").touch())
def objective(config, trial):
    own = tempfile.TemporaryDirectory(dir=HERE, prefix="own-")
    globals()["KEPT"] = own
    trial.report(loss=float(Path(SHARED.name).is_dir()))
"""
        seat = SeatRun(tmp_path, body)
        seat.offer(3)
        seat.run()
        assert seat.losses() == [1.0, 1.0, 1.0]
        assert not list(tmp_path.glob("shared-*"))
        assert not list(tmp_path.glob("own-*"))
        assert len(list(tmp_path.glob("ended-*"))) == 1

    @pytest.mark.slow
    def test_where_a_fork_would_hang_each_trial_gets_a_fresh_interpreter(
        self, tmp_path: Path
    ) -> None:
        body = """
import torch
torch.ones(4000, 400) @ torch.ones(400, 4000)  # starts OpenMP's threads
def objective(config, trial):
    trial.report(loss=float((torch.ones(2000, 400) @ torch.ones(400, 2000)).sum()))
"""
        seat = SeatRun(tmp_path, body)
        seat.offer(2)
        printed = seat.run(OMP_NUM_THREADS="2")
        assert printed.count("a fresh interpreter, not a fork: importing the objective comp") == 1
        assert seat.losses() == [2000.0 * 2000 * 400] * 2

    def test_threads_of_the_users_module_need_a_fresh_interpreter(self, tmp_path: Path) -> None:
        body = """
threading.Thread(target=time.sleep, args=(1000,), name="pump", daemon=True).start()
def objective(config, trial):
    if trial.trial_id == 0: os.kill(os.getpid(), signal.SIGKILL)
    trial.report(loss=float(os.getpid()))
"""
        seat = SeatRun(tmp_path, body)
        seat.offer(3)
        assert "started threads (pump)" in seat.run()
        assert seat.result(0)["message"] == "its process was killed by SIGKILL"
        assert seat.result(1)["error"] != seat.result(2)["error"]

    def test_an_objective_that_cannot_be_imported_fails_its_trials_with_the_traceback(
        self, tmp_path: Path
    ) -> None:
        seat = SeatRun(tmp_path, "import not_there\n")
        seat.offer(4)
        seat.run()
        assert seat.left() == [3]
        assert "not_there" in seat.result(0)["traceback"]


def test_a_script_is_run_one_trial_after_the_other(tmp_path: Path) -> None:
    seat = SeatRun(tmp_path, "", {"objective": f"script:{tmp_path / 'script.py'}"})
    (tmp_path / "script.py").write_text("from hpo import Reporter\nReporter()(epoch=1, loss=0.5)\n")
    seat.offer(2)
    seat.run()
    assert seat.losses() == [0.5, 0.5]
