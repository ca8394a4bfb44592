"""Random search over a small network on scikit-learn's digits: real data, no GPU, no torch.

The whole campaign takes less than a minute on two cores; `make demo` runs it. 1,797 real images of
8 by 8 pixels; a quarter is set aside, and the share of it that is wrongly classified is reported
after each epoch.

A trial takes a fraction of a second, so the start of the job would be most of it: the network is
plain numpy, because importing scikit-learn costs more than training. It also shows how a model that
is not torch's is made resumable: two methods, `state_dict` and `load_state_dict`.
"""

from __future__ import annotations

import gzip
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hpo import lograndint, loguniform

if TYPE_CHECKING:
    from hpo import Trial

Matrix: TypeAlias = npt.NDArray[np.float64]
Labels: TypeAlias = npt.NDArray[np.int64]

MOMENTUM = 0.9
CLIP = 5.0  # largest norm of a gradient step: a learning rate too large learns badly, not NaN


def get_config_space() -> dict[str, Any]:
    """Return what is searched: distributions, lists of alternatives, and constants."""
    return {
        "learning_rate": loguniform(1e-3, 1.0),
        "alpha": loguniform(1e-6, 1e-2),
        "hidden_units": lograndint(8, 128),  # 128 included, unlike in scipy's distributions
        "batch_size": [16, 32, 64, 128],
        "max_epochs": 12,
    }


def get_slurm_config() -> dict[str, Any]:
    """Return what one job asks for."""
    return {
        "partition": "main",
        "time": "0:10:00",
        "mem": "2G",
        "cpus_per_task": 1,
        "gpus": 0,
    }


def get_hpo_config() -> dict[str, Any]:
    """Return how the search runs."""
    return {
        "n_trials": 24,
        "max_concurrent_jobs": 2,
        "output_dir": "hpo_results/digits_example",
        "checkpoint_interval": 5,
        "seed": 42,
        "claim_timeout": 10,  # s; trials are short, so a job without one need not wait
        "poll_interval": 30,  # s between two looks at the queue
        "objective": "hpo.config.digits_example:objective",
    }


def objective(config: Mapping[str, Any], trial: Trial) -> None:
    """Train one configuration, reporting after each epoch."""
    seed = int(config.get("seed", 0))
    x, y, validation_x, validation_y = load_digits()
    network = Network(64, config["hidden_units"], 10, seed=seed)
    trial.restore(network=network)
    for epoch in trial.epochs():
        order = np.random.default_rng([seed, epoch]).permutation(len(x))
        for start in range(0, len(x), config["batch_size"]):
            batch = order[start : start + config["batch_size"]]
            network.step(x[batch], y[batch], rate=config["learning_rate"], penalty=config["alpha"])
        wrong = network.predict(validation_x) != validation_y
        trial.report(epoch=epoch, validation_error=wrong.mean())


class Network:
    """One hidden layer of ReLU, softmax on top, trained by stochastic gradients with momentum."""

    def __init__(self, n_inputs: int, n_hidden: int, n_classes: int, *, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.weights = {
            "hidden": rng.normal(size=(n_inputs, n_hidden)) * np.sqrt(2 / n_inputs),
            "hidden_bias": np.zeros((1, n_hidden)),
            "output": rng.normal(size=(n_hidden, n_classes)) * np.sqrt(1 / n_hidden),
            "output_bias": np.zeros((1, n_classes)),
        }
        self.velocity = {name: np.zeros_like(value) for name, value in self.weights.items()}

    def step(self, x: Matrix, y: Labels, *, rate: float, penalty: float) -> None:
        """Move the weights along the gradient of one batch."""
        hidden, scores = self._forward(x)
        delta = np.exp(scores - scores.max(axis=1, keepdims=True))
        delta /= delta.sum(axis=1, keepdims=True)
        delta[np.arange(len(y)), y] -= 1
        delta /= len(y)
        back = (delta @ self.weights["output"].T) * (hidden > 0)
        gradients = {
            "hidden": x.T @ back + penalty * self.weights["hidden"],
            "hidden_bias": back.sum(axis=0, keepdims=True),
            "output": hidden.T @ delta + penalty * self.weights["output"],
            "output_bias": delta.sum(axis=0, keepdims=True),
        }
        norm = np.sqrt(sum(float(np.sum(g * g)) for g in gradients.values()))
        scale = rate * min(1.0, CLIP / max(norm, 1e-12))
        for name, gradient in gradients.items():
            self.velocity[name] = MOMENTUM * self.velocity[name] - scale * gradient
            self.weights[name] = self.weights[name] + self.velocity[name]

    def predict(self, x: Matrix) -> Labels:
        """Return the most probable class of each image."""
        return np.asarray(self._forward(x)[1].argmax(axis=1), dtype=np.int64)

    def state_dict(self) -> dict[str, Any]:
        """Return all that training changes, for checkpoints."""
        return {"weights": self.weights, "velocity": self.velocity}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.weights = dict(state["weights"])
        self.velocity = dict(state["velocity"])

    def _forward(self, x: Matrix) -> tuple[Matrix, Matrix]:
        hidden = np.maximum(x @ self.weights["hidden"] + self.weights["hidden_bias"], 0)
        return hidden, hidden @ self.weights["output"] + self.weights["output_bias"]


def load_digits() -> tuple[Matrix, Labels, Matrix, Labels]:
    """Return images and labels to train on, then those to validate on.

    Read from scikit-learn's own file, without the second that importing scikit-learn takes.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the digits are part of scikit-learn: pip install scikit-learn")
    path = Path(spec.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")
    with gzip.open(path, "rt", encoding="ascii") as file:
        table = np.loadtxt(file, delimiter=",")
    table = np.random.default_rng(0).permutation(table)
    x, y = table[:, :-1] / 16, table[:, -1].astype(np.int64)
    split = len(x) * 3 // 4
    return x[:split], y[:split], x[split:], y[split:]
