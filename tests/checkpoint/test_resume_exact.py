"""A trial that was interrupted is bit for bit the one that never was.

Promised for the CPU: on a GPU sums may be taken in any order.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo import checkpoint
from hpo.checkpoint import reading as checkpoint_reading
from hpo.trial.objective import call
from hpo.trial.trial import Trial, TrialInterrupted

EPOCHS = 6
MLP = {
    "input_size": 30,
    "output_size": 4,
    "hidden_sizes": [24, 16],
    "lr": 3e-3,
    "weight_decay": 1e-5,
    "batch_size": 32,
    "n_train": 96,
    "n_validation": 32,
    "dropout": 0.3,
    "lr_decay": 0.9,
}


@pytest.fixture(autouse=True)
def _without_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Syncing guards against dead machines, not dead processes."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


class Lost(BaseException):
    """The job died: nothing more was written."""


def mlp(config: dict[str, Any], trial: Trial) -> None:
    from hpo.config.mlp_example import objective

    objective(config, trial)


def everything(config: dict[str, Any], trial: Trial) -> None:
    """All that `restore` takes, and randomness from every source."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)  # because users' code does so
    data = torch.randn(64, 6)
    dataset = torch.utils.data.TensorDataset(data, data.sum(dim=1, keepdim=True).sin())
    model = nn.Sequential(
        nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.4), nn.Linear(16, 1)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, amsgrad=True)
    warmup = torch.optim.lr_scheduler.LinearLR(optimizer, total_iters=3)
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)
    schedule = torch.optim.lr_scheduler.SequentialLR(optimizer, [warmup, cosine], milestones=[3])
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.9)
    )
    own, draws, coin = torch.Generator().manual_seed(1), np.random.default_rng(1), random.Random(1)
    loader = torch.utils.data.DataLoader(dataset, batch_size=16, shuffle=True, generator=own)
    shuffled_by_default = torch.utils.data.DataLoader(dataset, batch_size=16, shuffle=True)
    totals, last = np.zeros(3), torch.zeros(1)
    best: dict[str, Any] = {"error": float("inf"), "weights": None}
    seen: list[float] = []
    trial.restore(
        model=model,
        optimizer=optimizer,
        schedule=schedule,
        average=average,
        own=own,
        draws=draws,
        coin=coin,
        totals=totals,
        last=last,
        best=best,
        seen=seen,
    )
    for epoch in trial.epochs():
        model.train()
        for x, y in [*loader, *shuffled_by_default]:
            noise = draws.normal() + random.random() + np.random.normal()
            loss = nn.functional.mse_loss(model(x + 0.01 * noise), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            average.update_parameters(model)
        schedule.step()
        totals += [coin.random(), loss.item(), 1]
        last.fill_(loss.item())
        average.eval()
        with torch.no_grad():
            error = nn.functional.mse_loss(average(data), dataset.tensors[1]).item()
        if error < best["error"]:
            best.update(error=error, weights={k: v.clone() for k, v in model.state_dict().items()})
        seen.append(error)
        trial.report(
            epoch=epoch,
            validation_error=error,
            total=totals.sum(),
            best=best["error"],
            lr=schedule.get_last_lr()[0],
        )


OBJECTIVES = {"mlp": mlp, "everything": everything}


def one_attempt(
    name: str,
    folder: Path,
    attempt: int,
    *,
    asked_to_leave: Callable[[Trial], bool] = lambda _: False,
    interval: int = 100,
) -> Trial:
    """Train until the end, or until asked to leave."""
    trial = Trial(
        trial_id=0,
        config=MLP,
        folder=folder,
        attempt=attempt,
        target=EPOCHS,
        checkpoint_interval=interval,
        asked_to_leave=lambda: asked_to_leave(trial),
    )
    with contextlib.suppress(TrialInterrupted, Lost):
        call(OBJECTIVES[name], trial)
    return trial


def disturb() -> None:
    """Draw from every generator that an interrupted trial's process would not share."""
    import torch

    random.seed()
    np.random.seed()
    torch.seed()
    torch.randn(3)


def reports(trial: Trial) -> list[dict[str, Any]]:
    return [{k: v for k, v in r.items() if k not in ("time", "elapsed")} for r in trial.history]


def final_state(folder: Path) -> dict[str, str]:
    """Checksums of all that was in the last checkpoint: weights, momentum, generators."""
    newest = checkpoint.find(folder)[0]
    assert newest.resource == EPOCHS
    digests: dict[str, str] = json.loads((newest.path / "manifest.json").read_text())["sha256"]
    return digests


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    module = pytest.importorskip("torch")
    monkeypatch.setattr(module.cuda, "is_available", lambda: False)
    # Threads would wait for each other longer than they compute, on a busy machine much longer.
    threads = module.get_num_threads()
    module.set_num_threads(1)
    yield module
    module.set_num_threads(threads)


def after(epoch: int) -> Callable[[Trial], bool]:
    return lambda trial: trial.resource == epoch


@pytest.mark.parametrize("name", OBJECTIVES)
def test_interrupted_after_every_epoch(torch: Any, tmp_path: Path, name: str) -> None:
    # The mlp example seeds torch alone; Python's and numpy's generators are in its checkpoint too.
    start = random.getstate(), np.random.get_state()
    whole = one_attempt(name, tmp_path / "whole", 0)
    random.setstate(start[0])
    np.random.set_state(start[1])
    for attempt in range(EPOCHS):
        part = one_attempt(
            name,
            tmp_path / "parts",
            attempt,
            asked_to_leave=after(attempt + 1),
        )
        assert part.resource == attempt + 1
        disturb()
    assert len(list((tmp_path / "parts").glob("reports-a*.jsonl"))) == EPOCHS
    assert reports(part) == reports(whole)
    assert final_state(tmp_path / "parts") == final_state(tmp_path / "whole")


@pytest.mark.parametrize("name", OBJECTIVES)
def test_lost_between_checkpoints(torch: Any, tmp_path: Path, name: str) -> None:
    def lost(trial: Trial) -> bool:
        if trial.resource in (3, 5) and len(trial.history) > 0 and trial.attempt < trial.resource:
            raise Lost
        return False

    whole = one_attempt(name, tmp_path / "whole", 0)
    disturb()
    assert one_attempt(name, tmp_path / "parts", 2, asked_to_leave=lost, interval=2).resource == 3
    disturb()
    assert one_attempt(name, tmp_path / "parts", 4, asked_to_leave=lost, interval=2).resource == 5
    disturb()
    part = one_attempt(name, tmp_path / "parts", 6, interval=2)
    assert reports(part) == reports(whole)
    models = [
        checkpoint_reading.digest(checkpoint.find(tmp_path / run)[0].path / "model.tensors.pt")
        for run in ("whole", "parts")
    ]
    assert models[0] == models[1]


def test_interrupted_into_fresh_processes(torch: Any, tmp_path: Path) -> None:
    whole = one_attempt("everything", tmp_path / "whole", 0)
    program = (
        "import sys; from pathlib import Path; import test_resume_exact as t\n"
        "attempt = int(sys.argv[2])\n"
        "t.one_attempt('everything', Path(sys.argv[1]), attempt,"
        " asked_to_leave=lambda trial: trial.resource == 3 * (attempt + 1))"
    )
    for attempt in range(2):
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "parts"), str(attempt)],
            cwd=Path(__file__).parent,
            env={
                **os.environ,
                "CUDA_VISIBLE_DEVICES": "",
                "OMP_NUM_THREADS": "1",
                "PYTHONHASHSEED": str(attempt),
            },
            check=True,
        )
    part = Trial(trial_id=0, config=MLP, folder=tmp_path / "parts", attempt=9, target=EPOCHS)
    seen: list[float] = []
    assert part.restore(seen=seen) == EPOCHS
    assert reports(part) == reports(whole)
    assert seen == [report["validation_error"] for report in reports(whole)]
    assert final_state(tmp_path / "parts") == final_state(tmp_path / "whole")


@pytest.mark.parametrize("name", OBJECTIVES)
def test_without_the_global_generators_it_would_be_another_trial(
    torch: Any, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the tests above would say if the generators were not saved."""
    whole = one_attempt(name, tmp_path / "whole", 0)
    monkeypatch.setattr(checkpoint_reading, "restore_global_states", lambda _: None)
    one_attempt(name, tmp_path / "parts", 0, asked_to_leave=lambda trial: trial.resource == 2)
    disturb()
    part = one_attempt(name, tmp_path / "parts", 1)
    assert reports(part)[:2] == reports(whole)[:2]
    assert reports(part)[2:] != reports(whole)[2:]
