"""States come back from a checkpoint as they were; which ones are kept, and which is loaded."""

from __future__ import annotations

import json
import random
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stored_state import Holder, load, names, save

from hpo.checkpoint import snapshot
from hpo.checkpoint import store as checkpoint
from hpo.errors import ReportError


@pytest.mark.parametrize(
    "state",
    [
        {"a": 1, "b": [1.5, None, True], "c": {"d": "e"}},
        {1: "int key", (2, 3): "tuple key", "$": "our own mark"},
        {"best": float("inf"), "worst": float("-inf"), "third": 0.1 + 0.2, "big": 2**200},
        {"betas": (0.9, 0.999), "milestones": Counter({30: 1}), "o": OrderedDict(z=1, a=2)},
        [],
    ],
)
def test_plain_states_come_back_as_they_were(tmp_path: Path, state: Any) -> None:
    save(tmp_path, 1, state)
    assert load(tmp_path) == (1, state)
    restored = load(tmp_path)
    assert restored is not None
    assert repr(restored[1]) == repr(state)  # the types too


def test_arrays_come_back_bit_for_bit(tmp_path: Path) -> None:
    weights = np.random.default_rng(0).normal(size=(5, 3))
    save(tmp_path, 1, {"weights": weights, "steps": np.int64(4), "mask": np.array([True])})
    restored = load(tmp_path)
    assert restored is not None
    state = restored[1]
    assert state["weights"].tobytes() == weights.tobytes()
    assert state["steps"] == 4
    assert state["mask"].dtype == bool


def test_torch_objects_come_back_bit_for_bit(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    def build(seed: int) -> dict[str, Any]:
        torch.manual_seed(seed)
        model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
        plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        steps = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[2, 4])
        for _ in range(3):
            optimizer.zero_grad()
            model(torch.randn(8, 4)).square().sum().backward()
            optimizer.step()
            plateau.step(np.float64(0.5))  # numpy's, as validation code often has it
            steps.step()
        return {"model": model, "optimizer": optimizer, "plateau": plateau, "steps": steps}

    def equal(a: Any, b: Any) -> bool:
        if isinstance(a, torch.Tensor):
            return bool(torch.equal(a, b))
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
        if isinstance(a, (list, tuple)):
            return len(a) == len(b) and all(map(equal, a, b))
        return bool(a == b)

    saved, fresh = build(0), build(1)
    checkpoint.save(tmp_path, resource=3, trial_id=7, attempt=0, objects=saved)
    assert not equal(saved["model"].state_dict(), fresh["model"].state_dict())
    checkpoint.load_newest(tmp_path, 7, fresh)
    for name in saved:
        assert equal(saved[name].state_dict(), fresh[name].state_dict()), name


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    for resource in range(1, 12):
        save(tmp_path, resource)
    assert names(tmp_path) == ["epoch_10-a0", "epoch_11-a0"]


def test_saving_twice_at_one_epoch_keeps_the_second(tmp_path: Path) -> None:
    save(tmp_path, 4, "before")
    save(tmp_path, 4, "after")
    assert load(tmp_path) == (4, "after")


def test_the_newest_is_the_furthest_not_the_last_attempt(tmp_path: Path) -> None:
    save(tmp_path, 9, "by a job that was given up too early", attempt=0)
    save(tmp_path, 6, "by its successor", attempt=1)
    assert load(tmp_path) == (9, "by a job that was given up too early")


def test_no_checkpoint_is_none(tmp_path: Path) -> None:
    assert load(tmp_path) is None


def test_a_checkpoint_of_other_code_names_what_is_missing(tmp_path: Path) -> None:
    save(tmp_path, 5)
    with pytest.raises(ReportError, match=r"holds model, but not optimizer"):
        checkpoint.load_newest(tmp_path, 7, {"model": Holder(), "optimizer": Holder()})


def test_checkpoints_without_kinds_and_random_states_are_still_read(tmp_path: Path) -> None:
    path = save(tmp_path, 5, "five")
    manifest = json.loads((path / "manifest.json").read_text())
    del manifest["kinds"], manifest["sha256"]["global-random.json"]
    (path / "global-random.json").unlink()
    (path / "manifest.json").write_text(json.dumps(manifest))
    assert load(tmp_path) == (5, "five")


def test_a_state_that_does_not_fit_is_no_broken_checkpoint(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    objects = {"model": torch.nn.Linear(2, 2)}
    checkpoint.save(tmp_path, resource=5, trial_id=7, attempt=0, objects=objects)
    with pytest.raises(ReportError, match=r"(?s)trial 7: .* does not fit model .*size mismatch"):
        checkpoint.load_newest(tmp_path, 7, {"model": torch.nn.Linear(3, 2)})


def test_a_state_that_cannot_be_saved_names_the_place(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"model\['layers'\]\[1\] is a builtins.set"):
        save(tmp_path, 1, {"layers": [0, {1, 2}]})
    assert names(tmp_path) == []


def test_dicts_and_lists_are_updated_in_place(tmp_path: Path) -> None:
    numbers, table = [1, 2], {"best": 0.5}
    checkpoint.save(tmp_path, resource=1, trial_id=7, attempt=0, objects={"n": numbers, "t": table})
    numbers.append(3)
    table["late"] = 1.0
    checkpoint.load_newest(tmp_path, 7, {"n": numbers, "t": table})
    assert (numbers, table) == ([1, 2], {"best": 0.5})


def test_classes_and_estimators_without_state_are_refused() -> None:
    read_only = np.zeros(3)
    read_only.flags.writeable = False
    for value in (Holder, 3, "text", read_only, random.SystemRandom()):
        with pytest.raises(ReportError, match="accepted are objects with state_dict"):
            snapshot.check_restorable("thing", value)
