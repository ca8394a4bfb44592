"""The examples in the package: they learn, resume exactly, and read a user's own data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.config import digits_example, gene_expression, mlp_example
from hpo.trial.objective import call, load_objective
from hpo.trial.trial import Trial, TrialInterrupted

MLP = {
    "input_size": 60,
    "output_size": 5,
    "hidden_sizes": [32, 16],
    "lr": 3e-3,
    "weight_decay": 1e-5,
    "batch_size": 32,
    "n_train": 160,
    "n_validation": 64,
}
DIGITS = {"learning_rate": 0.1, "alpha": 1e-5, "hidden_units": 64, "batch_size": 32}


def run(
    reference: str,
    config: dict[str, Any],
    folder: Path,
    *,
    epochs: int,
    leave_after: tuple[int, ...] = (),
) -> Trial:
    """Run a trial to its end, in as many attempts as it is asked to leave, and one more."""
    function = load_objective(reference)
    for attempt in range(len(leave_after) + 1):
        left_at = leave_after[attempt] if attempt < len(leave_after) else None

        def is_asked_to_leave() -> bool:
            return trial.resource == left_at  # noqa: B023  # because it is over with its attempt

        trial = Trial(
            trial_id=0,
            config=config,
            folder=folder,
            attempt=attempt,
            target=epochs,
            checkpoint_interval=100,
            asked_to_leave=is_asked_to_leave,
        )
        try:
            call(function, trial)
        except TrialInterrupted:
            assert trial.resource == left_at
    return trial


def without_times(trial: Trial) -> list[dict[str, Any]]:
    return [{k: v for k, v in r.items() if k not in ("time", "elapsed")} for r in trial.history]


def final_files(folder: Path) -> dict[str, str]:
    (newest, *_) = sorted((folder / "checkpoint").glob("epoch_8-*"))
    found: dict[str, str] = json.loads((newest / "manifest.json").read_text())["sha256"]
    return found


@pytest.mark.parametrize(
    ("reference", "config"),
    [("hpo.config.mlp_example:objective", MLP), ("hpo.config.digits_example:objective", DIGITS)],
)
def test_a_resumed_trial_is_bit_for_bit_the_uninterrupted_one(
    tmp_path: Path, reference: str, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "mlp" in reference:
        torch = pytest.importorskip("torch")
        # Promised for the CPU only: on a GPU sums may be taken in any order.
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    whole = run(reference, config, tmp_path / "whole", epochs=8)
    parts = run(reference, config, tmp_path / "parts", epochs=8, leave_after=(1, 4, 7))
    assert len(list((tmp_path / "parts").glob("reports-a*.jsonl"))) == 4
    assert without_times(parts) == without_times(whole)
    assert [report["epoch"] for report in parts.history] == list(range(1, 9))
    # And so are weights, momentum and all else that is in the checkpoint.
    assert final_files(tmp_path / "parts") == final_files(tmp_path / "whole")


class TestMlp:
    def test_learns_and_hyperparameters_matter(self, tmp_path: Path) -> None:
        pytest.importorskip("torch")
        reference = "hpo.config.mlp_example:objective"
        good = run(reference, MLP, tmp_path / "good", epochs=25)
        bad = run(reference, MLP | {"lr": 1e-5}, tmp_path / "bad", epochs=25)
        assert good.history[-1]["validation_error"] < 0.6
        assert bad.history[-1]["validation_error"] > 0.9

    def test_takes_the_users_own_data(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("torch")
        rng = np.random.default_rng(0)
        np.savez(tmp_path / "own.npz", X=rng.normal(size=(50, 7)), Y=rng.normal(size=(50, 2)))
        monkeypatch.setenv("HPO_GENE_DATA", str(tmp_path / "own.npz"))
        sizes = {"input_size": 7, "output_size": 2}
        trial = run("hpo.config.mlp_example:objective", MLP | sizes, tmp_path / "trial", epochs=2)
        assert len(trial.history) == 2
        with pytest.raises(ValueError, match="set 'input_size': 7, 'output_size': 2"):
            run("hpo.config.mlp_example:objective", MLP, tmp_path / "wrong", epochs=2)


class TestDigits:
    def test_good_and_bad_configurations_differ(self, tmp_path: Path) -> None:
        reference = "hpo.config.digits_example:objective"
        good = run(reference, DIGITS, tmp_path / "good", epochs=12)
        slow = run(reference, DIGITS | {"learning_rate": 1e-3}, tmp_path / "slow", epochs=12)
        wild = run(reference, DIGITS | {"learning_rate": 1.0}, tmp_path / "wild", epochs=12)
        assert good.history[-1]["validation_error"] <= 0.03
        assert slow.history[-1]["validation_error"] > 0.1
        assert wild.history[-1]["validation_error"] > 0.1

    @pytest.mark.slow
    def test_a_whole_process_has_no_warnings(self, tmp_path: Path) -> None:
        code = (
            "import sys, pathlib\nfrom hpo.trial.trial import Trial\n"
            "from hpo.trial.objective import call, load_objective\n"
            f"trial = Trial(trial_id=0, config={DIGITS}, folder=pathlib.Path(sys.argv[1]),"
            " attempt=0, target=12, checkpoint_interval=5)\n"
            "call(load_objective('hpo.config.digits_example:objective'), trial)\n"
        )
        command = [sys.executable, "-W", "error", "-c", code, str(tmp_path)]
        done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""


class TestGeneratedData:
    def test_is_the_same_for_the_same_seed_only(self) -> None:
        first, second, third = (
            gene_expression.generate(input_size=40, output_size=3, seed=seed) for seed in (1, 1, 2)
        )
        assert first.x.tobytes() == second.x.tobytes()
        assert first.y.tobytes() == second.y.tobytes()
        assert first.y.tobytes() != third.y.tobytes()

    def test_has_the_sizes_asked_for(self) -> None:
        data = gene_expression.generate(
            input_size=40, output_size=3, n_train=70, n_validation=30, seed=1
        )
        assert [part.shape for part in (*data.train, *data.validation)] == [
            (70, 40),
            (70, 3),
            (30, 40),
            (30, 3),
        ]

    def test_genes_predict_targets_and_the_noise_floor_is_the_limit(self) -> None:
        def ridge_error(noise_floor: float) -> float:
            data = gene_expression.generate(
                input_size=300, output_size=20, n_train=2000, noise_floor=noise_floor, seed=3
            )
            (x, y), (new_x, new_y) = data.train, data.validation
            weights = np.linalg.solve(x.T @ x + 1000 * np.eye(x.shape[1]), x.T @ y)
            residual = ((new_x @ weights - new_y) ** 2).sum()
            return float(residual / ((new_y - new_y.mean(axis=0)) ** 2).sum())

        assert 0.1 < ridge_error(0.1) < 0.6  # linear: cannot reach the floor
        assert ridge_error(0.95) > 0.9


class TestOwnData:
    x = np.random.default_rng(0).normal(5, 3, size=(30, 4))
    y = np.random.default_rng(1).normal(size=(30, 2))

    def write(self, folder: Path, kind: str) -> Path:
        path = folder / f"data_X.{kind}"
        match kind:
            case "npz":
                np.savez(path, X=self.x, Y=self.y)
            case "npy":
                np.save(path, self.x)
                np.save(folder / "data_Y.npy", self.y)
            case "csv":
                header = "YY1,target_a,ATF3,GATA1,target_b,SP1"
                x, y = self.x, self.y
                table = np.column_stack([x[:, 0], y[:, 0], x[:, 1], x[:, 2], y[:, 1], x[:, 3]])
                np.savetxt(path, table, delimiter=",", header=header, comments="")
        return path

    @pytest.mark.parametrize("kind", ["npz", "npy", "csv"])
    def test_is_read_standardised_and_split(self, tmp_path: Path, kind: str) -> None:
        data = gene_expression.load(self.write(tmp_path, kind))
        (x, y), (new_x, new_y) = data.train, data.validation
        assert (x.shape, y.shape, new_x.shape, new_y.shape) == ((24, 4), (24, 2), (6, 4), (6, 2))
        assert x.dtype == y.dtype == np.float32
        np.testing.assert_allclose(x.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(x.std(axis=0), 1, atol=1e-5)
        # Rows of X and Y stay together.
        correlation = np.corrcoef(np.r_[x[:, 0], new_x[:, 0]], np.r_[y[:, 0], new_y[:, 0]])[0, 1]
        assert correlation == pytest.approx(np.corrcoef(self.x[:, 0], self.y[:, 0])[0, 1], abs=1e-4)

    def test_says_what_is_wrong_with_a_file(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "no_y.npz", X=self.x)
        np.savez(tmp_path / "uneven.npz", X=self.x, Y=self.y[:-1])
        np.savez(tmp_path / "missing.npz", X=self.x * np.nan, Y=self.y)
        (tmp_path / "no_target.csv").write_text("a,b\n1,2\n")
        for name, words in {
            "no_y.npz": "no array Y",
            "uneven.npz": "same number of rows",
            "missing.npz": "missing or infinite",
            "no_target.csv": "target_",
            "data.txt": "must end in",
        }.items():
            with pytest.raises(ValueError, match=words):
                gene_expression.load(tmp_path / name)


@pytest.mark.parametrize("module", [mlp_example, digits_example])
def test_example_configurations_fit_their_objectives(module: Any) -> None:
    from hpo.trial.check import check_objective

    if module is mlp_example:
        pytest.importorskip("torch")
    settings, space = module.get_hpo_config(), module.get_config_space()
    assert check_objective(settings["objective"], list(space), []) == []
    assert "max_epochs" in space
    assert {"partition", "time", "mem", "gpus"} <= module.get_slurm_config().keys()
