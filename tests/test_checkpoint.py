from __future__ import annotations

import json
import logging
import os
import random
import shutil
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.checkpoint import reading as checkpoint_reading
from hpo.checkpoint import snapshot
from hpo.checkpoint import store as checkpoint
from hpo.errors import ReportError


class Holder:
    """Holds any state."""

    def __init__(self, state: Any = None) -> None:
        self.state = state

    def state_dict(self) -> Any:
        return self.state

    def load_state_dict(self, state: Any) -> None:
        self.state = state


def save(folder: Path, resource: int, state: Any = "state", attempt: int = 0) -> Path:
    return checkpoint.save(
        folder, resource=resource, trial_id=7, attempt=attempt, objects={"model": Holder(state)}
    )


def load(folder: Path) -> tuple[int, Any] | None:
    model = Holder()
    found = checkpoint.load_newest(folder, 7, {"model": model})
    return (found.resource, model.state) if found else None


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoint").iterdir())


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


def test_a_failed_save_leaves_the_one_before_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 1, "whole")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            save(tmp_path, 2)
    assert names(tmp_path) == ["epoch_1-a0"]
    assert load(tmp_path) == (1, "whole")


def test_rubbish_of_a_killed_save_is_no_checkpoint_and_goes_away(tmp_path: Path) -> None:
    rubbish = tmp_path / "checkpoint" / ".new-a0-1234"
    rubbish.mkdir(parents=True)
    (rubbish / "model.state.json").write_text("{")
    assert load(tmp_path) is None
    save(tmp_path, 1, attempt=1)
    assert names(tmp_path) == ["epoch_1-a1"]


def truncate(path: Path) -> None:
    file = path / "model.state.json"
    file.write_bytes(file.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    file = path / "model.state.json"
    content = bytearray(file.read_bytes())
    content[-2] ^= 1
    file.write_bytes(content)


def lose_a_file(path: Path) -> None:
    (path / "model.state.json").unlink()


def lose_the_manifest(path: Path) -> None:
    (path / "manifest.json").unlink()


def tear_the_manifest(path: Path) -> None:
    (path / "manifest.json").write_text('{"trial_id": 7, "sha')


def be_renamed(path: Path) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(manifest | {"resource": 3}))


def lose_the_random_states(path: Path) -> None:
    (path / "global-random.json").unlink()


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
        flip_a_bit,
        lose_a_file,
        lose_the_manifest,
        tear_the_manifest,
        be_renamed,
        lose_the_random_states,
    ],
)
def test_a_broken_one_falls_back_to_the_one_before(
    tmp_path: Path, damage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path, 5, "five")
    damage(save(tmp_path, 10, "ten"))
    with caplog.at_level(logging.WARNING):
        assert load(tmp_path) == (5, "five")
    assert "epoch_10-a0 is not usable" in caplog.text
    # Training on from 5, the broken 10 must not push the good ones out.
    save(tmp_path, 6, "six", attempt=1)
    assert names(tmp_path) == ["epoch_5-a0", "epoch_6-a1"]


def test_all_broken_starts_anew_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    truncate(save(tmp_path, 5))
    flip_a_bit(save(tmp_path, 6))
    assert load(tmp_path) is None
    assert "trial 7: no checkpoint is usable; it starts from the beginning" in caplog.text


def test_a_checkpoint_of_another_trial_is_not_used_and_not_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save(tmp_path, 5, "mine")
    other = checkpoint.save(
        tmp_path / "other", resource=10, trial_id=8, attempt=0, objects={"model": Holder("other")}
    )
    other.rename(tmp_path / "checkpoint" / other.name)
    assert load(tmp_path) == (5, "mine")
    assert "belongs to trial 8" in caplog.text
    assert "move it to the folder of trial 8" in caplog.text
    save(tmp_path, 6, "six", attempt=1)
    checkpoint.discard(tmp_path)
    (kept,) = names(tmp_path)
    assert kept.startswith(".foreign-epoch_10-a0")


def test_a_folder_that_is_gone_starts_anew_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert load(tmp_path) is None
    assert not caplog.text  # because nothing is amiss in a new trial
    (tmp_path / "reports-a0.jsonl").write_text('{"epoch": 1, "validation_error": 0.5}\n')
    save(tmp_path, 1)
    shutil.rmtree(tmp_path / "checkpoint")
    assert load(tmp_path) is None
    assert "trial 7 has been trained before" in caplog.text
    assert "starts from the beginning" in caplog.text


def test_one_that_cannot_be_read_now_is_passed_over_but_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, 5, "five")
    save(tmp_path, 10, "ten")
    digest = checkpoint_reading.digest

    def stale(path: Path) -> str:
        if "epoch_10" in str(path):
            raise OSError(116, "Stale file handle")
        return digest(path)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint_reading, "digest", stale)
        assert load(tmp_path) == (5, "five")
    assert load(tmp_path) == (10, "ten")


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


class TestDiscard:
    def test_frees_everything_of_the_trial_and_nothing_else(self, tmp_path: Path) -> None:
        for resource in (1, 2):
            save(tmp_path, resource, "x" * 10_000)
        own = tmp_path / "checkpoint" / "user" / "deep"
        own.mkdir(parents=True)
        (own / "weights.bin").write_bytes(b"w" * 5_000)
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "kept.txt").write_text("kept")
        (own / "link").symlink_to(tmp_path / "data")
        (tmp_path / "reports-a0.jsonl").write_text("kept")
        size = sum(f.lstat().st_size for f in (tmp_path / "checkpoint").rglob("*") if f.is_file())
        link = len(str(tmp_path / "data"))
        assert checkpoint.discard(tmp_path) == pytest.approx(size, abs=link + 100)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "reports-a0.jsonl"]
        assert (tmp_path / "data" / "kept.txt").exists()
        assert checkpoint.find(tmp_path) == []

    def test_a_second_time_is_no_error(self, tmp_path: Path) -> None:
        save(tmp_path, 1)
        assert checkpoint.discard(tmp_path) > 0
        assert checkpoint.discard(tmp_path) == 0
        assert checkpoint.discard(tmp_path / "never was") == 0

    def test_parts_that_go_meanwhile_are_no_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        save(tmp_path, 1)
        save(tmp_path, 2)
        rename = Path.rename

        def late(path: Path, target: Path) -> Path:
            if "epoch_1" in path.name:
                shutil.rmtree(path)
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", late)
        assert checkpoint.discard(tmp_path) > 0
        assert not (tmp_path / "checkpoint").exists()

    def test_goes_on_where_it_was_killed(self, tmp_path: Path) -> None:
        save(tmp_path, 1)
        (tmp_path / "checkpoint" / "epoch_1-a0").rename(tmp_path / "checkpoint" / ".old-1234")
        assert checkpoint.discard(tmp_path) > 0
        assert not (tmp_path / "checkpoint").exists()

    def test_what_cannot_be_deleted_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        save(tmp_path, 1)
        unlink = Path.unlink

        def busy(path: Path, missing_ok: bool = False) -> None:
            if path.name == "manifest.json":
                raise OSError(16, "Device or resource busy")
            unlink(path, missing_ok)

        monkeypatch.setattr(Path, "unlink", busy)
        assert checkpoint.discard(tmp_path) > 0
        assert "manifest.json" in caplog.text
        assert checkpoint.find(tmp_path) == []

    def test_a_folder_linked_to_another_disk_stays_a_link(self, tmp_path: Path) -> None:
        trial, scratch = tmp_path / "trial", tmp_path / "scratch"
        trial.mkdir()
        scratch.mkdir()
        (trial / "checkpoint").symlink_to(scratch)
        save(trial, 1)
        assert checkpoint.discard(trial) > 0
        assert list(scratch.iterdir()) == []
        save(trial, 2, "again")
        assert load(trial) == (2, "again")
