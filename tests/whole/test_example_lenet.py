"""The examples that train LeNet as the d2l chapter does, and the images that they read."""

from __future__ import annotations

import gzip
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from config_files import load_spec
from example_runs import (
    EXAMPLES,
    beside_the_examples,
    campaign,
    errors,
    make_trial,
    torch_on_one_thread,
    train,
)


@pytest.fixture(autouse=True)
def examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    beside_the_examples(monkeypatch, tmp_path)


@pytest.fixture
def torch() -> Iterator[Any]:
    yield from torch_on_one_thread()


class TestLenet:
    def test_random_search_is_the_chapters(self) -> None:
        spec = load_spec(str(EXAMPLES / "lenet_random_search.py"))
        space = spec.space.to_json()
        assert space["learning_rate"] == {"type": "loguniform", "low": 0.01, "high": 1.0}
        assert space["batch_size"] == {"type": "randint", "low": 32, "high": 256}
        assert space["max_epochs"] == {"type": "constant", "value": 10}
        assert spec.hpo.max_wallclock_time == 720

    @pytest.mark.slow
    def test_random_search_runs_in_local_processes(self, torch: Any, tmp_path: Path) -> None:
        results = campaign(
            "lenet_random_search", tmp_path, "local", "hpo.n_trials=2", "space.max_epochs=3"
        )
        assert [result["status"] for result in results] == ["completed"] * 2
        first = {"learning_rate": 0.1, "batch_size": 128, "max_epochs": 3}
        assert results[0]["config"] == first
        curve = [report["validation_error"] for report in results[0]["reports"]]
        assert len(curve) == 3
        assert curve[-1] < 0.6 < curve[0]  # of ten classes: it has begun to learn

    @pytest.mark.slow
    def test_asha_resumes_what_it_promotes(self, torch: Any, tmp_path: Path) -> None:
        overrides = ["hpo.n_trials=4", "space.max_epochs=4", "hpo.scheduler.max_t=4"]
        overrides += ["hpo.max_wallclock_time=1.0e6"]  # because simulated epochs take a minute
        results = campaign("lenet_asha", tmp_path, "simulated", *overrides)
        epochs = [[report["epoch"] for report in result["reports"]] for result in results]
        assert len(epochs) == 4
        # At rungs 1, 2 and 4; every epoch once, however many legs a trial took.
        assert {len(reported) for reported in epochs} <= {1, 2, 4}
        assert all(reported == list(range(1, len(reported) + 1)) for reported in epochs)
        assert 1 <= sum(len(reported) == 4 for reported in epochs) <= 2
        whole = make_trial(
            tmp_path / "whole", results[0]["config"], target=len(epochs[0]), attempt=0
        )
        paused = [report["validation_error"] for report in results[0]["reports"]]
        assert errors(train("lenet_asha", whole)) == paused

    def test_reads_fashion_mnist_where_it_is(
        self, torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_fashion_mnist(tmp_path / "fashion", n_train=300, n_test=100)
        monkeypatch.setenv("FASHION_MNIST", str(tmp_path / "fashion"))
        config = {"learning_rate": 0.1, "batch_size": 32, "max_epochs": 8}
        trial = train(
            "lenet_random_search", make_trial(tmp_path / "t", config, target=8, attempt=0)
        )
        assert errors(trial)[-1] < 0.2  # bright below, dark above: classes as easy as can be


class TestImageData:
    def test_digits_where_there_is_no_fashion_mnist(self) -> None:
        x, y, validation_x, validation_y = image_data().load_images()
        assert x.shape == (1347, 1, 28, 28)
        assert validation_x.shape == (450, 1, 28, 28)
        assert (x.dtype, x.min(), x.max()) == (np.float32, 0, 1)
        assert (len(y), len(validation_y), set(y)) == (1347, 450, set(range(10)))

    @pytest.mark.parametrize("suffix", ["", ".gz"])
    def test_reads_the_published_files_packed_or_not(self, tmp_path: Path, suffix: str) -> None:
        folder = tmp_path / image_data().FOLDER
        written = write_fashion_mnist(folder, n_train=20, n_test=8, suffix=suffix)
        x, y, validation_x, validation_y = image_data().load_images()
        assert np.array_equal(np.rint(x[:, 0] * 255), written["train-images-idx3-ubyte"])
        assert np.array_equal(y, written["train-labels-idx1-ubyte"])
        assert (y.dtype, validation_x.shape, len(validation_y)) == (np.int64, (8, 1, 28, 28), 8)

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"", "is no idx file: it begins with nothing"),
            (b"<html>", "is no idx file: it begins with 3c 68 74 6d"),
            (bytes([0, 0, 13, 3]), "data of type 0x0d; only 0x08, bytes, is read"),
            (bytes([0, 0, 8, 3, 0, 0]), "ends within its header: 6 of 16 bytes"),
            (bytes([0, 0, 8, 1, 0, 0, 0, 9, 1]), r"should hold 17 bytes for \(9,\), but has 9"),
        ],
    )
    def test_says_what_is_wrong_with_a_file(
        self, tmp_path: Path, content: bytes, message: str
    ) -> None:
        path = tmp_path / "train-images-idx3-ubyte"
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message) as error:
            image_data().read_idx(path)
        assert str(path) in str(error.value)

    def test_says_what_is_wrong_with_a_folder(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("FASHION_MNIST", str(tmp_path))
        with pytest.raises(FileNotFoundError, match=r"no train-images-idx3-ubyte or \.gz"):
            image_data().load_images()
        write_fashion_mnist(tmp_path, n_train=20, n_test=8)
        packed = tmp_path / "train-images-idx3-ubyte.gz"
        whole = packed.read_bytes()
        packed.write_bytes(whole[:-20])
        with pytest.raises(ValueError, match=r"is no whole gzip file.*download it again"):
            image_data().load_images()
        packed.write_bytes(whole)
        write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.zeros(19, np.uint8))
        with pytest.raises(ValueError, match="20 images but 19 labels in train"):
            image_data().load_images()
        write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.zeros((20, 2), np.uint8))
        with pytest.raises(ValueError, match="2 dimensions, but labels have 1"):
            image_data().load_images()
        (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
        write_idx(tmp_path / "train-labels-idx1-ubyte.gz", np.zeros(20, np.uint8))
        with pytest.raises(FileNotFoundError, match="labels of t10k are missing"):
            image_data().load_images()


def image_data() -> Any:
    return importlib.import_module("image_data")


def write_fashion_mnist(
    folder: Path, *, n_train: int, n_test: int, suffix: str = ".gz"
) -> dict[str, np.ndarray]:
    """Files in the published form: in images of class 0 the lower half is bright, in 1 not."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    written = {}
    for part, count in (("train", n_train), ("t10k", n_test)):
        labels = rng.integers(2, size=count).astype(np.uint8)
        images = rng.integers(100, size=(count, 28, 28)).astype(np.uint8)
        images[labels == 0, 14:] += 150
        for name, array in (("images-idx3", images), ("labels-idx1", labels)):
            written[f"{part}-{name}-ubyte"] = array
            write_idx(folder / f"{part}-{name}-ubyte{suffix}", array)
    return written


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    content = header + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
