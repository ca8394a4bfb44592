"""Whatever lies in the files of a checkpoint, with checksums that are right: loaded, or refused."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import stored_state
from hypothesis import strategies as st
from mutations import files_of, fuzzed, garbled
from stored_state import seal

from hpo.errors import ReportError

torch = pytest.importorskip("torch")

STATE = {
    "weights": np.arange(12.0).reshape(3, 4),
    "names": np.array(["a", "bc"]),
    "layer": torch.arange(6.0).reshape(2, 3),
    "more": [1, float("inf"), (2, "x"), {"deep": {"k": None}}],
}
NAMES = ("model.state.json", "model.arrays.npz", "model.tensors.pt", "global-random.json")


@fuzzed(4, name=st.sampled_from(NAMES), data=st.data())
def test_any_content_of_a_sealed_file(tmp_path: Path, name: str, data: st.DataObject) -> None:
    folder = tmp_path / str(random.Random().random())
    path = stored_state.save(folder, 1, STATE)
    kept = (path / name).read_bytes()
    wrong = data.draw(garbled([kept]) | files_of([{"$": "tensor", "v": 0}, [1]]))
    (path / name).write_bytes(wrong)
    seal(path)
    try:
        loaded = stored_state.load(folder)
    except ReportError:
        return
    assert loaded is None or loaded[0] == 1
