"""Functions, spaces and scripts that were written for Syne Tune, run as they are.

Syne Tune and the d2l package are stood in for by what such code sees of them; the model is a
formula.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CONFIG_SPACE = """
from copy import copy

class Domain:
    sampler = None
    def with_sampler(self, sampler):
        new = copy(self)
        new.sampler = sampler
        return new

class Float(Domain):
    value_type = float
    class _LogUniform: pass
    def __init__(self, lower, upper): self.lower, self.upper = lower, upper

class Integer(Domain):
    value_type = int
    class _Uniform: pass
    def __init__(self, lower, upper): self.lower, self.upper = lower, upper

def loguniform(lower, upper): return Float(lower, upper).with_sampler(Float._LogUniform())
def randint(lower, upper): return Integer(lower, upper).with_sampler(Integer._Uniform())
"""
REPORT = """
import json, sys
from time import perf_counter, time

class Reporter:
    def __init__(self): self.start, self.iter = perf_counter(), 0
    def __call__(self, **metrics):
        own = {"st_worker_timestamp": time(), "st_worker_time": perf_counter() - self.start}
        print(f"[tune-metric]: {json.dumps(metrics | own | {'st_worker_iter': self.iter})}")
        self.iter += 1
        sys.stdout.flush()
"""
D2L = """
class Tensor(float):
    def cpu(self): return self
    def numpy(self): return float(self)

class Model:
    def __init__(self, lr): self.lr, self.epochs = lr, 0

class Trainer:
    def fit(self, model): self.model = model; model.epochs += 1
    def validation_error(self): return Tensor(abs(self.model.lr - 0.1) + 1 / self.model.epochs)
"""
FUNCTION = """
from syne_tune.config_space import loguniform, randint

def train_lenet(learning_rate, batch_size, max_epochs):
    from d2l import torch as d2l
    from syne_tune import Reporter

    print(f"asked for {max_epochs} epochs")
    model, trainer, report = d2l.Model(lr=learning_rate), d2l.Trainer(), Reporter()
    for epoch in range(1, max_epochs + 1):
        trainer.fit(model)
        report(epoch=epoch, validation_error=float(trainer.validation_error().cpu().numpy()))

def get_config_space():
    return {
        "learning_rate": loguniform(1e-2, 1),
        "batch_size": randint(32, 256),
        "max_epochs": 4,
    }

def get_slurm_config():
    return {}

def get_hpo_config():
    return {"n_trials": 6, "objective": "search.py:train_lenet", "seed": 3} | HPO
"""
SCRIPT = """
from argparse import ArgumentParser
from syne_tune.report import Reporter
from d2l import torch as d2l

if __name__ == "__main__":
    parser = ArgumentParser()
    parser.add_argument("--max_epochs", type=int, default=16)
    parser.add_argument("--learning_rate", type=float, default=1e-3)
    parser.add_argument("--batch_size", type=int, default=16)
    args, _ = parser.parse_known_args()
    report = Reporter()
    model, trainer = d2l.Model(lr=args.learning_rate), d2l.Trainer()
    for _ in range(args.max_epochs):
        trainer.fit(model)
    report(validation_error=trainer.validation_error())
"""


class Desk:
    """A folder with a user's code, and what it imports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("syne_tune/config_space.py", CONFIG_SPACE)
        self.write("syne_tune/search_space.py", "from syne_tune.config_space import *")
        self.write("syne_tune/report.py", REPORT)
        self.write("syne_tune/__init__.py", "from syne_tune.report import Reporter")
        self.write("d2l/torch.py", D2L)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, hpo: dict[str, Any]) -> list[dict[str, Any]]:
        """The results of the campaign in search.py."""
        self.write("search.py", FUNCTION.replace("HPO", repr(hpo)))
        command = ["run", "--config", "search", "--executor", "local", "--output-dir", "out"]
        done = subprocess.run(
            [sys.executable, "-m", "hpo", *command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        paths = sorted((self.folder / "out" / "results").glob("trial_*.json"))
        return [json.loads(path.read_text()) for path in paths]

    def asked(self) -> set[str]:
        """How many epochs the objective was asked for, in words."""
        logs = [path.read_text() for path in (self.folder / "out" / "jobs").glob("*.out")]
        return {line for log in logs for line in log.splitlines() if line.startswith("asked for")}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_function_with_syne_tunes_reporter_and_space(desk: Desk) -> None:
    initial = {"learning_rate": 0.1, "batch_size": 128}
    results = desk.run({"points_to_evaluate": [initial]})
    assert [result["status"] for result in results] == ["completed"] * 6
    assert results[0]["config"] == initial | {"max_epochs": 4}
    assert results[0]["error"] == 0.25
    assert [report["epoch"] for report in results[0]["reports"]] == [1, 2, 3, 4]
    assert not any(name.startswith("st_") for name in results[0]["reports"][0])
    assert all(0.01 <= result["config"]["learning_rate"] <= 1 for result in results)
    assert all(32 <= result["config"]["batch_size"] <= 256 for result in results)
    assert desk.asked() == {"asked for 4 epochs"}


@pytest.mark.parametrize("said", [True, False])
def test_with_rungs_the_function_is_given_its_rung_where_the_user_said_by_which_name(
    desk: Desk, said: bool
) -> None:
    asha = {"type": "promotion", "grace_period": 1, "reduction_factor": 2, "max_t": 4}
    results = desk.run({"scheduler": asha} | ({"max_resource_attr": "max_epochs"} if said else {}))
    assert {result["config"]["max_epochs"] for result in results} == {4}
    assert {1, 4} <= {result["resource"] for result in results} <= {1, 2, 4}
    if said:
        assert desk.asked() == {f"asked for {rung} epochs" for rung in (1, 2, 4)}
    else:
        assert desk.asked() == {"asked for 4 epochs"}


def test_a_script_with_syne_tunes_reporter_that_reports_once(desk: Desk) -> None:
    desk.write("train_script.py", SCRIPT)
    results = desk.run({"objective": None, "entry_point": "train_script.py"})
    assert [result["status"] for result in results] == ["completed"] * 6
    assert all(len(result["reports"]) == 1 for result in results)
