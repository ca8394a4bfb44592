"""The process of a trial is the user's program: what it finds there, as if its file ran alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from seat_runs import SeatRun

BOTH = pytest.mark.parametrize("trials_per_job", [1, "auto"])


def run(folder: Path, body: str, settings: dict[str, Any]) -> SeatRun:
    seat = SeatRun(folder, body, settings)
    seat.offer(1)
    printed = seat.run()
    assert seat.done() == [0], printed
    assert seat.result(0)["status"] == "completed", printed
    return seat


@BOTH
def test_its_arguments_are_those_of_its_file_alone(
    tmp_path: Path, trials_per_job: int | str
) -> None:
    body = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.5)
args = parser.parse_args()
def objective(config, trial):
    assert sys.argv == [__file__]
    trial.report(loss=parser.parse_args().lr + args.lr)
"""
    assert run(tmp_path, body, {"trials_per_job": trials_per_job}).losses() == [1.0]


def test_the_arguments_of_a_module_are_its_file(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    body = "import sys\ndef objective(config, trial):\n    trial.report(loss=len(sys.argv))\n"
    (tmp_path / "package" / "training.py").write_text(body + "assert sys.argv == [__file__]\n")
    run(tmp_path, "", {"trials_per_job": 1, "objective": "package.training:objective"})


@BOTH
def test_its_log_is_set_up_as_it_says(tmp_path: Path, trials_per_job: int | str) -> None:
    body = """
import logging, logging.config
def objective(config, trial):
    assert logging.getLogger().handlers == []
    assert logging.getLogger().level == logging.WARNING
    logging.basicConfig(filename=HERE / "mine.log", level=logging.DEBUG, format="%(message)s")
    logging.getLogger("my.training").debug("a detail")
    logging.config.dictConfig({"version": 1})  # which switches off all other loggers
    trial.report(loss=1.0)
"""
    seat = SeatRun(tmp_path, body, {"trials_per_job": trials_per_job})
    seat.offer(1)
    printed = seat.run()
    assert (tmp_path / "mine.log").read_text() == "a detail\n"
    assert printed.count("trial 0 completed") == 1
    assert "a detail" not in printed


@BOTH
def test_its_environment_tells_of_its_trial(tmp_path: Path, trials_per_job: int | str) -> None:
    body = """
def objective(config, trial):
    folder = Path(os.environ["HPO_CHECKPOINT_DIR"])
    (folder / "mine.bin").write_text("saved")
    assert folder == trial.checkpoint_dir.absolute()
    assert (HERE / "c" / "trials" / f"trial_{trial.trial_id}") == Path(os.environ["HPO_TRIAL_DIR"])
    assert os.environ["HPO_ATTEMPT"] == str(trial.attempt)
    trial.report(loss=float(os.environ["HPO_TRIAL_ID"]))
"""
    seat = SeatRun(tmp_path, body, {"trials_per_job": trials_per_job})
    seat.offer(1, first=7)
    seat.run()
    assert seat.result(7)["error"] == 7.0


def test_a_script_finds_the_same(tmp_path: Path) -> None:
    script = """
import json, os, sys
from hpo import Reporter
names = ["HPO_TRIAL_ID", "HPO_TRIAL_DIR", "HPO_CHECKPOINT_DIR", "HPO_ATTEMPT"]
open("seen.json", "w").write(json.dumps([os.environ[name] for name in names]))
Reporter()(loss=1.0)
"""
    (tmp_path / "script.py").write_text(script)
    seat = run(tmp_path, "", {"trials_per_job": 1, "objective": f"script:{tmp_path / 'script.py'}"})
    folder = seat.layout.trial(0)
    expected = ["0", str(folder), str(folder / "checkpoint" / "user"), "0"]
    assert json.loads((tmp_path / "seen.json").read_text()) == expected


SPAWNS = """
import multiprocessing
from hpo import Reporter
def square(x):
    Reporter  # the package's, there too
    return x * x
def objective(config, trial):
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        trial.report(loss=pool.map(square, [3])[0])
"""


@BOTH
@pytest.mark.parametrize("name", ["hpo.py", "hpo/__init__.py", "memory.py"])
def test_a_module_of_the_users_hides_nothing_of_ours_and_is_not_hidden(
    tmp_path: Path, name: str, trials_per_job: int | str
) -> None:
    """Also in the processes that its code spawns; `memory` is a module of a job's own folder."""
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine = 9\n")
    body = "import memory\nassert memory.mine == 9\n" if name == "memory.py" else ""
    seat = run(tmp_path, body + SPAWNS, {"trials_per_job": trials_per_job})
    assert seat.losses() == [9.0]


def test_its_neighbours_are_imported_before_anything_else(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "neighbour.py").write_text("value = 1")
    (tmp_path / "neighbour.py").write_text("value = 2")
    body = """
import neighbour
def objective(config, trial):
    trial.report(loss=float(neighbour.value))
"""
    settings = {"trials_per_job": 1, "pythonpath": [str(tmp_path / "other"), str(tmp_path)]}
    assert run(tmp_path, body, settings).losses() == [2.0]


@BOTH
def test_each_trial_may_run_in_a_folder_of_its_own(
    tmp_path: Path, trials_per_job: int | str
) -> None:
    body = """
def objective(config, trial):
    Path("mine.txt").write_text(str(trial.trial_id))
    assert (Path(os.environ["HPO_START_DIR"]) / "train.py").is_file()
    trial.report(loss=1.0)
"""
    seat = SeatRun(tmp_path, body, {"trials_per_job": trials_per_job, "cwd": "trial"})
    seat.offer(2)
    seat.run()
    if trials_per_job == 1:
        seat.run(HPO_JOB_ID="test-2")
    for trial_id in (0, 1):
        work = seat.layout.trial(trial_id) / "work"
        assert (work / "mine.txt").read_text() == str(trial_id)


def test_data_that_is_not_in_that_folder_is_explained(tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_text("1")
    (tmp_path / "script.py").write_text("print(open('data.csv').read())")
    objective = f"script:{tmp_path / 'script.py'}"
    seat = SeatRun(tmp_path, "", {"trials_per_job": 1, "objective": objective, "cwd": "trial"})
    seat.offer(1)
    seat.run()
    assert "No such file" in seat.result(0)["message"]
    assert "HPO_START_DIR" in seat.result(0)["message"]
