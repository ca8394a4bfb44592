"""The examples of the folder examples/: each loads, and its training loop leaves and goes on."""

from __future__ import annotations

import importlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from config_files import load_spec
from example_runs import (
    EXAMPLES,
    beside_the_examples,
    errors,
    make_trial,
    torch_on_one_thread,
    train,
)

from hpo.trial.trial import Trial, TrialInterrupted

CONFIGS = sorted(
    path.stem for path in EXAMPLES.glob("*.py") if "def get_config_space" in path.read_text()
)


@pytest.fixture(autouse=True)
def examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    beside_the_examples(monkeypatch, tmp_path)


@pytest.fixture
def torch() -> Iterator[Any]:
    yield from torch_on_one_thread()


@pytest.mark.parametrize("name", CONFIGS)
def test_every_example_is_a_configuration_that_loads(name: str) -> None:
    if name == "lightning_loop":
        import_lightning()
    if "torch" in (EXAMPLES / f"{name}.py").read_text():
        pytest.importorskip("torch")
    spec = load_spec(str(EXAMPLES / f"{name}.py"))
    assert spec.hpo.n_trials >= 10
    assert "max_epochs" in spec.space.domains
    assert f"examples/{name}.py" in (EXAMPLES / "README.md").read_text()


def test_torch_loop_resumed_is_the_uninterrupted_one(torch: Any, tmp_path: Path) -> None:
    config = {"learning_rate": 3e-3, "dropout": 0.5, "max_epochs": 5}
    whole = make_trial(tmp_path / "whole", config, target=5, attempt=0)
    train("torch_loop", whole)
    folder = tmp_path / "parts"
    parts: Trial = make_trial(
        folder, config, target=5, attempt=0, asked_to_leave=lambda: parts.resource == 2
    )
    with pytest.raises(TrialInterrupted):
        train("torch_loop", parts)
    assert parts.resource == 2
    parts = make_trial(folder, config, target=5, attempt=1)
    assert errors(train("torch_loop", parts)) == errors(whole)
    assert errors(whole)[-1] < 0.2


def import_lightning() -> None:
    try:
        importlib.import_module("lightning.pytorch")
    except ModuleNotFoundError:
        pytest.importorskip("pytorch_lightning", reason="neither lightning nor pytorch-lightning")


@pytest.mark.filterwarnings("ignore")  # because Lightning gives its users advice as warnings
def test_lightning_loop_leaves_at_term_and_resumes(torch: Any, tmp_path: Path) -> None:
    import_lightning()
    asked: list[int] = []
    config = {"learning_rate": 3e-3, "hidden_units": 32, "max_epochs": 4}

    def preempt_in_epoch_2() -> bool:
        if trial.resource == 2 and not asked:
            os.kill(os.getpid(), signal.SIGTERM)
        return bool(asked)

    before = signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    try:
        folder = tmp_path / "parts"
        trial = make_trial(folder, config, target=4, attempt=0, asked_to_leave=preempt_in_epoch_2)
        with pytest.raises(TrialInterrupted):
            train("lightning_loop", trial)
        assert asked == [signal.SIGTERM]
        assert trial.resource == 2
        trial = make_trial(folder, config, target=4, attempt=1)
        train("lightning_loop", trial)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [report["epoch"] for report in trial.history] == [1, 2, 3, 4]
    assert errors(trial)[2] < errors(trial)[0]  # it went on, and did not start anew
    assert len(list(trial.checkpoint_dir.glob("epoch_*.ckpt"))) <= 3


@pytest.mark.slow
def test_torchrun_trial_survives_term_leaves_no_process_and_resumes(
    torch: Any, tmp_path: Path
) -> None:
    config = {"learning_rate": 3e-3, "max_epochs": 4}
    ranks: list[psutil.Process] = []

    def preempt() -> bool:
        if trial.resource == 1:
            # As SLURM does it: every process of the job gets the signal.
            ranks.extend(psutil.Process().children(recursive=True))
            for process in ranks:
                process.send_signal(signal.SIGTERM)
        return trial.resource == 2

    folder = tmp_path / "parts"
    trial = make_trial(folder, config, target=4, attempt=0, asked_to_leave=preempt)
    with pytest.raises(TrialInterrupted):
        train("torchrun_trial", trial)
    assert len(ranks) >= 3  # torchrun and two ranks
    _, alive = psutil.wait_procs(ranks, timeout=5)
    assert not alive
    trial = make_trial(folder, config, target=4, attempt=1)
    train("torchrun_trial", trial)
    assert [report["epoch"] for report in trial.history] == [1, 2, 3, 4]
    assert errors(trial)[-1] < 0.12
    assert len(list(trial.checkpoint_dir.glob("epoch_*.pt"))) <= 3


@pytest.mark.slow
def test_torchrun_trial_fails_when_a_rank_does(
    torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.import_module("torchrun_trial"), "N_PROCESSES", 1)
    trial = make_trial(tmp_path, {"learning_rate": "fast"}, target=1, attempt=0)
    with pytest.raises(RuntimeError, match="torchrun ended with code 1"):
        train("torchrun_trial", trial)


@pytest.mark.parametrize("name", CONFIGS)
def test_what_the_readme_says_makes_every_example_short(name: str) -> None:
    if name == "lightning_loop":
        import_lightning()
    if "torch" in (EXAMPLES / f"{name}.py").read_text():
        pytest.importorskip("torch")
    short = ["hpo.n_trials=4", "space.max_epochs=2"]
    assert f"--set {' '.join(short)}" in (EXAMPLES / "README.md").read_text()
    spec = load_spec(str(EXAMPLES / f"{name}.py"), overrides=short)
    assert spec.legs() is not None
