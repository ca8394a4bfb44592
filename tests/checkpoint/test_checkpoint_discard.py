"""Deleting a trial's checkpoints: all of them and nothing else, also when interrupted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from stored_state import load, save

from hpo.checkpoint import store as checkpoint


class TestDiscard:
    def test_frees_what_the_package_wrote_and_nothing_else(self, tmp_path: Path) -> None:
        for resource in (1, 2):
            save(tmp_path, resource, "x" * 10_000)
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "kept.txt").write_text("kept")
        link = tmp_path / "checkpoint" / "epoch_1-a0" / "link"
        link.symlink_to(tmp_path / "data")
        size = sum(f.lstat().st_size for f in (tmp_path / "checkpoint").rglob("*") if f.is_file())
        own = tmp_path / "checkpoint" / "user" / "deep"
        own.mkdir(parents=True)
        (own / "weights.bin").write_bytes(b"w" * 5_000)
        (tmp_path / "checkpoint" / "last.ckpt").write_bytes(b"w")
        (tmp_path / "reports-a0.jsonl").write_text("kept")
        assert checkpoint.discard(tmp_path) == pytest.approx(size, abs=len(str(tmp_path)) + 100)
        kept = {path.name for path in tmp_path.rglob("*") if path.is_file()}
        assert kept == {"weights.bin", "last.ckpt", "reports-a0.jsonl", "kept.txt"}
        assert checkpoint.find(tmp_path) == []

    def test_the_users_folder_goes_where_nothing_was_put_in_it(self, tmp_path: Path) -> None:
        save(tmp_path, 1)
        (tmp_path / "checkpoint" / "user").mkdir()
        checkpoint.discard(tmp_path)
        assert not (tmp_path / "checkpoint").exists()

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
        rename = os.rename

        def late(name: str, target: str, **folders: int) -> None:
            if "epoch_1" in name:
                shutil.rmtree(tmp_path / "checkpoint" / name)
            rename(name, target, **folders)

        monkeypatch.setattr(os, "rename", late)
        assert checkpoint.discard(tmp_path) > 0
        assert not (tmp_path / "checkpoint").exists()

    def test_goes_on_where_it_was_killed(self, tmp_path: Path) -> None:
        save(tmp_path, 1)
        (tmp_path / "checkpoint" / "epoch_1-a0").rename(tmp_path / "checkpoint" / ".old-12345678")
        assert checkpoint.discard(tmp_path) > 0
        assert not (tmp_path / "checkpoint").exists()

    def test_what_cannot_be_deleted_is_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        save(tmp_path, 1)
        unlink = os.unlink

        def busy(name: str, **folders: int) -> None:
            if name == "manifest.json":
                raise OSError(16, "Device or resource busy", name)
            unlink(name, **folders)

        monkeypatch.setattr(os, "unlink", busy)
        assert checkpoint.discard(tmp_path) > 0
        assert "manifest.json" in caplog.text
        assert checkpoint.find(tmp_path) == []

    @pytest.mark.parametrize("linked", ["trial", "trial/checkpoint"])
    def test_nothing_is_saved_taken_or_deleted_where_a_link_leads(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, linked: str
    ) -> None:
        """Whoever puts the link there would have other campaigns' checkpoints deleted."""
        other = tmp_path / "other"
        save(other, 1, "kept")
        (tmp_path / linked).parent.mkdir(exist_ok=True)
        (tmp_path / linked).symlink_to(other / linked.partition("/")[2])
        trial = tmp_path / "trial"
        assert checkpoint.find(trial) == []
        assert checkpoint.discard(trial) == 0
        assert "is not followed" in caplog.text
        with pytest.raises(OSError, match="is not followed"):
            save(trial, 2)
        assert load(other) == (1, "kept")

    def test_what_only_looks_like_rubbish_stays(self, tmp_path: Path) -> None:
        save(tmp_path, 1)
        (tmp_path / "checkpoint" / ".old-runs").mkdir()
        save(tmp_path, 2)
        save(tmp_path, 3)
        checkpoint.discard(tmp_path)
        assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == [".old-runs"]
