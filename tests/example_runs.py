"""Runs of what lies in the folder examples/: one trial in this process, or a whole campaign."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hpo.trial.objective import call, load_objective
from hpo.trial.trial import Trial

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


def beside_the_examples(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(folder)  # because data is looked for below the current folder
    monkeypatch.delenv("FASHION_MNIST", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # because tests run beside each other


def torch_on_one_thread() -> Iterator[Any]:
    module = pytest.importorskip("torch")
    before = module.get_num_threads()
    module.set_num_threads(1)
    yield module
    module.set_num_threads(before)


def make_trial(folder: Path, config: dict[str, Any], *, target: int, **more: Any) -> Trial:
    return Trial(trial_id=0, config=config, folder=folder, target=target, **more)


def train(name: str, trial: Trial) -> Trial:
    call(load_objective(f"{EXAMPLES / name}.py:objective"), trial)
    return trial


def errors(trial: Trial) -> list[float]:
    return [report["validation_error"] for report in trial.history]


def campaign(name: str, folder: Path, executor: str, *overrides: str) -> list[dict[str, Any]]:
    """Run an example's campaign with `main_hpo.py`; its results in the order of trials."""
    command = [sys.executable, str(ROOT / "main_hpo.py"), "--config", str(EXAMPLES / f"{name}.py")]
    command += ["--executor", executor, "--output-dir", str(folder / "out"), "--set", *overrides]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    # A simulated campaign has a folder of its own, beside the one that was named.
    paths = {
        int(path.stem.split("_")[1]): path for path in folder.glob("out*/results/trial_*.json")
    }
    return [json.loads(path.read_text()) for _, path in sorted(paths.items())]
