"""Checkpoints that were made to do harm: set aside, and the one before is taken."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stored_state
from stored_state import seal

from hpo.checkpoint import torch_safety
from hpo.checkpoint.torch_safety import is_exposed
from hpo.errors import ReportError
from hpo.folder.files import Layout

GOOD = {"weights": np.arange(4.0)}


@pytest.fixture
def trial(tmp_path: Path) -> Path:
    """A trial with a sound checkpoint of epoch 1, and one of epoch 2 for a test to change."""
    layout = Layout(tmp_path / "campaign")
    layout.create()
    folder = layout.trial(7)
    stored_state.save(folder, 1, {"weights": np.zeros(4)})
    stored_state.save(folder, 2, GOOD)
    return folder


def newest(trial: Path) -> Path:
    return trial / "checkpoint" / "epoch_2-a0"


def refused(trial: Path, caplog: pytest.LogCaptureFixture) -> str:
    """The newest is not used, the one before is; what was said."""
    with caplog.at_level(logging.WARNING):
        loaded = stored_state.load(trial)
    assert loaded is not None
    assert loaded[0] == 1
    assert any(name.startswith(".broken-epoch_2") for name in stored_state.names(trial))
    return caplog.text


@pytest.mark.parametrize("name", ["../epoch_1-a0/manifest.json", "/etc/passwd", "..", ".", ""])
def test_a_manifest_that_names_what_is_not_beside_it(
    trial: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    target = newest(trial) / name
    written = hashlib.sha256(target.read_bytes()).hexdigest() if target.is_file() else "0" * 64
    seal(newest(trial), sha256={name: written})
    told = refused(trial, caplog)
    assert "not beside it" in told or "is no plain file" in told


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, lambda path: path.symlink_to("/dev/zero"), lambda path: path.symlink_to("/etc")],
)
@pytest.mark.parametrize("name", ["manifest.json", "model.state.json", "model.arrays.npz"])
def test_what_is_no_plain_file_is_never_waited_for(
    trial: Path, caplog: pytest.LogCaptureFixture, make: Callable[[Path], None], name: str
) -> None:
    path = newest(trial) / name
    path.unlink()
    make(path)
    assert path.name in refused(trial, caplog)


def npz(header: bytes, *, body: bytes = b"", compressed: bool = False) -> bytes:
    buffer = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        archive.writestr("a0.npy", header + body)
    return buffer.getvalue()


def npy_header(shape: str, descr: str = "'<f8'") -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (npz(npy_header("(25000000,)"), body=bytes(200_000_000), compressed=True), "is compressed"),
        (npz(npy_header("(1000000000000,)"), body=bytes(64)), "promises more"),
        (npz(npy_header("(4,)", "'|O'"), body=bytes(32)), "promises more"),
        (npz(npy_header("(4, -1)"), body=bytes(32)), "a0.npy"),
        (npz(npy_header("(4,)", "__import__('os').system('true')")), "is no array"),
        (npz(b"no header"), "is no array"),
        (b"PK no archive", "is no archive"),
    ],
    ids=["bomb", "header", "objects", "negative", "code", "none", "no zip"],
)
def test_arrays_that_promise_more_than_there_is_take_no_memory(
    trial: Path, caplog: pytest.LogCaptureFixture, content: bytes, words: str
) -> None:
    (newest(trial) / "model.arrays.npz").write_bytes(content)
    seal(newest(trial))
    assert words in refused(trial, caplog)


def test_members_that_share_their_bytes_are_refused(
    trial: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = npy_header("(8192,)") + bytes(8 * 8192)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a0.npy", data)
        first = archive.infolist()[0]
        for number in range(1, 50):
            twin = zipfile.ZipInfo(f"a{number}.npy")
            twin.header_offset, twin.CRC = first.header_offset, first.CRC
            twin.file_size, twin.compress_size = first.file_size, first.compress_size
            archive.filelist.append(twin)
            archive.NameToInfo[twin.filename] = twin
        archive.comment = b"so that the list of members is written"
    (newest(trial) / "model.arrays.npz").write_bytes(buffer.getvalue())
    seal(newest(trial))
    assert "promises more than it holds" in refused(trial, caplog)


def test_a_file_that_no_manifest_names_is_not_read(trial: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({0: torch.zeros(2)}, newest(trial) / "model.tensors.pt")
    (newest(trial) / "other.tensors.pt").write_bytes(b"x")
    loaded = stored_state.load(trial)
    assert loaded is not None
    assert loaded[0] == 2


class TestTensors:
    def save(self, trial: Path, tensors: Any) -> None:
        torch = pytest.importorskip("torch")
        stored_state.save(trial, 3, {"w": torch.ones(3)})
        folder = trial / "checkpoint" / "epoch_3-a0"
        torch.save(tensors, folder / "model.tensors.pt")
        seal(folder)

    def test_what_was_saved_is_loaded(self, trial: Path) -> None:
        torch = pytest.importorskip("torch")
        self.save(trial, {0: torch.arange(3.0)})
        loaded = stored_state.load(trial)
        assert loaded is not None
        assert loaded[1]["w"].tolist() == [0, 1, 2]

    def test_one_that_is_larger_than_its_memory(
        self, trial: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        torch = pytest.importorskip("torch")
        self.save(trial, {0: torch.zeros(1).expand(10**12)})
        with caplog.at_level(logging.WARNING):
            loaded = stored_state.load(trial)
        assert loaded is not None
        assert loaded[0] == 2
        assert "promises more than the file holds" in caplog.text

    @pytest.mark.parametrize("found", [[1], {0: 5}])
    def test_what_is_no_mapping_of_tensors(
        self, trial: Path, caplog: pytest.LogCaptureFixture, found: Any
    ) -> None:
        self.save(trial, found)
        with caplog.at_level(logging.WARNING):
            loaded = stored_state.load(trial)
        assert loaded is not None
        assert loaded[0] == 2
        assert "something else than tensors" in caplog.text


class TestOldTorch:
    """`weights_only` of torch before 2.6 runs code that is in the file."""

    @pytest.fixture(autouse=True)
    def _old(self, monkeypatch: pytest.MonkeyPatch) -> None:
        torch = pytest.importorskip("torch")
        monkeypatch.setattr(torch, "__version__", "2.5.1+cu121")
        monkeypatch.setattr(torch_safety, "_told", set())

    def save(self, trial: Path) -> None:
        import torch

        stored_state.save(trial, 3, {"w": torch.ones(3)})

    def test_ones_own_are_read_and_it_is_said_once(
        self, trial: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        self.save(trial)
        for _ in range(2):
            assert (stored_state.load(trial) or [0])[0] == 3
        assert caplog.text.count("pip install -U 'torch>=2.6'") == 1

    @pytest.mark.parametrize("which", ["root", "trials", "trial", "checkpoint", "epoch"])
    def test_where_others_can_write_they_are_refused(self, trial: Path, which: str) -> None:
        self.save(trial)
        root = trial.parents[1]
        root.chmod(0o750)
        epoch = trial / "checkpoint" / "epoch_3-a0"
        for path in (root / "trials", trial, trial / "checkpoint", epoch):
            path.chmod(0o750)
        assert not is_exposed(epoch)
        below = {"root": root, "trials": root / "trials", "trial": trial, "epoch": epoch}
        (below | {"checkpoint": trial / "checkpoint"})[which].chmod(0o770)
        with pytest.raises(ReportError, match=r"others can write .*torch>=2.6"):
            stored_state.load(trial)
        root.chmod(0o700)  # where nobody else gets in, modes do not matter
        assert (stored_state.load(trial) or [0])[0] == 3
