"""Of a checkpoint that is torn, lost, foreign or unreadable: the one before it counts."""

from __future__ import annotations

import json
import logging
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from stored_state import Holder, load, names, save

from hpo.checkpoint import reading as checkpoint_reading
from hpo.checkpoint import store as checkpoint


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
