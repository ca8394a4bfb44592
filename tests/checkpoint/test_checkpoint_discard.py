"""Deleting a trial's checkpoints: all of them and nothing else, also when interrupted."""

from __future__ import annotations

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
