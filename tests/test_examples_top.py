"""The examples of the folder examples/, each run as its reader would, on small data."""

from __future__ import annotations

import gzip
import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from hpo.config.loading import load_spec
from hpo.objective import call, load_objective
from hpo.trial import Trial, TrialInterrupted

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
CONFIGS = sorted(
    path.stem for path in EXAMPLES.glob("*.py") if "def get_config_space" in path.read_text()
)


@pytest.fixture(autouse=True)
def examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)  # because data is looked for below the current folder
    monkeypatch.delenv("FASHION_MNIST", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # because tests run beside each other


@pytest.fixture
def torch() -> Iterator[Any]:
    module = pytest.importorskip("torch")
    before = module.get_num_threads()
    module.set_num_threads(1)
    yield module
    module.set_num_threads(before)


def make_trial(folder: Path, config: dict[str, Any], *, target: int, **more: Any) -> Trial:
    return Trial(trial_id=0, config=config, folder=folder, target=target, **more)


def train(name: str, trial: Trial) -> Trial:
    call(load_objective(f"{EXAMPLES / name}.py:objective"), trial)
    return trial


def errors(trial: Trial) -> list[float]:
    return [report["validation_error"] for report in trial.history]


def campaign(name: str, folder: Path, executor: str, *overrides: str) -> list[dict[str, Any]]:
    """Run an example's campaign with `main_hpo.py`; its results in the order of trials."""
    command = [sys.executable, str(ROOT / "main_hpo.py"), "--config", str(EXAMPLES / f"{name}.py")]
    command += ["--executor", executor, "--output-dir", str(folder / "out"), "--set", *overrides]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    # A simulated campaign has a folder of its own, beside the one that was named.
    paths = {
        int(path.stem.split("_")[1]): path for path in folder.glob("out*/results/trial_*.json")
    }
    return [json.loads(path.read_text()) for _, path in sorted(paths.items())]


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
        overrides = ("hpo.n_trials=4", "space.max_epochs=4", "hpo.scheduler.max_t=4")
        overrides += ("hpo.max_wallclock_time=1.0e6",)  # because simulated epochs take a minute
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


class TestLocalSearcher:
    def test_finds_better_configurations_than_random_search(self) -> None:
        example = importlib.import_module("local_searcher")
        space, _ = example.read_space(
            {"a": example.loguniform(1e-4, 1), "b": example.loguniform(1e-4, 1), "c": [1, 2, 3]}
        )

        def valley(config: dict[str, Any]) -> float:
            steps = np.log10(config["a"]) + 1, np.log10(config["b"]) + 3, config["c"] - 2
            return float(sum(step**2 for step in steps))

        def mean_best(searcher: type) -> float:
            runs = [example.minimise(valley, searcher(space, seed), 25) for seed in range(20)]
            return float(np.mean([min(tried.error for tried in run) for run in runs]))

        assert mean_best(example.LocalSearcher) < 0.7 * mean_best(example.AsyncRandomSearch)

    def test_changes_one_hyperparameter_of_the_best_and_repeats_nothing(self) -> None:
        example = importlib.import_module("local_searcher")
        space, _ = example.read_space(example.get_config_space())
        searcher = example.LocalSearcher(space, 0, n_initial=1, share=1.0)
        first = searcher.suggest(0, ())
        results = [
            example.Tried(0, first, 0.1, 4),
            example.Tried(1, first | {"learning_rate": 0.5}, 0.9, 4),
        ]
        for trial_id in range(2, 20):
            config = searcher.suggest(trial_id, (), results)
            assert sum(config[name] != first[name] for name in config) <= 1
            assert space.contains(config)
            assert config == searcher.suggest(trial_id, (), results)

    def test_an_exhausted_space_ends_the_search(self) -> None:
        example = importlib.import_module("local_searcher")
        space, _ = example.read_space({"a": [1, 2, 3]})
        found = example.minimise(lambda config: config["a"], example.LocalSearcher(space, 0), 10)
        assert sorted(tried.config["a"] for tried in found) == [1, 2, 3]

    def test_its_comparison_on_digits_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        importlib.import_module("local_searcher").main(n_trials=2, seeds=[0])
        printed = capsys.readouterr().out
        assert "AsyncRandomSearch  best of 2 trials" in printed
        assert "LocalSearcher      best of 2 trials" in printed


def test_torch_loop_resumed_is_the_uninterrupted_one(torch: Any, tmp_path: Path) -> None:
    config = {"learning_rate": 3e-3, "dropout": 0.5, "max_epochs": 5}
    whole = make_trial(tmp_path / "whole", config, target=5, attempt=0)
    train("torch_loop", whole)
    parts = make_trial(
        *(tmp_path / "parts", config),
        **{"target": 5, "attempt": 0, "asked_to_leave": lambda: parts.resource == 2},
    )
    with pytest.raises(TrialInterrupted):
        train("torch_loop", parts)
    assert parts.resource == 2
    parts = make_trial(tmp_path / "parts", config, target=5, attempt=1)
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
        trial = make_trial(
            *(tmp_path / "parts", config),
            **{"target": 4, "attempt": 0, "asked_to_leave": preempt_in_epoch_2},
        )
        with pytest.raises(TrialInterrupted):
            train("lightning_loop", trial)
        assert asked == [signal.SIGTERM]
        assert trial.resource == 2
        trial = make_trial(tmp_path / "parts", config, target=4, attempt=1)
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

    trial = make_trial(
        *(tmp_path / "parts", config),
        **{"target": 4, "attempt": 0, "asked_to_leave": preempt},
    )
    with pytest.raises(TrialInterrupted):
        train("torchrun_trial", trial)
    assert len(ranks) >= 3  # torchrun and two ranks
    _, alive = psutil.wait_procs(ranks, timeout=5)
    assert not alive
    trial = make_trial(tmp_path / "parts", config, target=4, attempt=1)
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
