"""Expression data for the MLP example: generated with known structure, or read from a file.

The generator follows a simple picture of regulation. Genes are co-expressed in modules; each
transcription factor (TF) reads some genes of one module and saturates; each target is driven by a
few TFs, one pair of them acting together; measurement noise comes on top:

    genes      x_g = 0.9 f_module(g) + noise                  a quarter of the genes: noise only
    TF         a_k = tanh(1.5 · mean of its genes / spread)
    target     s_t = sum of w_tk a_k over its TFs + v_t a_i a_j, scaled to variance 1
    measured   y_t = sqrt(1 - noise_floor) s_t + sqrt(noise_floor) · normal noise

So even the perfect model has a relative error (MSE / variance, 1 - R²) of `noise_floor`, predicting
the mean has 1, and with 512 samples a ridge regression gets to 0.39, a network to 0.32. numpy only;
the same seed gives the same data.

Files: `.npz` with arrays X (samples by genes) and Y (samples by targets); `.npy`: the file with X
in its name, e.g. `data_X.npy`, beside the same name with Y; `.csv`: a header line, the columns
whose names begin with `target_` are Y, all others X, numbers only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Matrix: TypeAlias = npt.NDArray[np.float32]

N_MODULES = 12
N_FACTORS = 16  # transcription factors
GENES_PER_FACTOR = 20
FACTORS_PER_TARGET = 3
MODULE_LOADING = 0.9  # correlation of a gene with its module
TARGET_PREFIX = "target_"


@dataclass(frozen=True, slots=True)
class Expression:
    """Samples in rows: `x` genes, `y` targets; the last `n_validation` rows are for validation."""

    x: Matrix
    y: Matrix
    n_validation: int

    @property
    def train(self) -> tuple[Matrix, Matrix]:
        """The rows to train on."""
        return self.x[: -self.n_validation], self.y[: -self.n_validation]

    @property
    def validation(self) -> tuple[Matrix, Matrix]:
        """The rows to measure on."""
        return self.x[-self.n_validation :], self.y[-self.n_validation :]


def generate(
    *,
    input_size: int,
    output_size: int,
    n_train: int = 512,
    n_validation: int = 128,
    noise_floor: float = 0.1,
    seed: int = 0,
) -> Expression:
    """Return generated data; see the module's docstring for what is in it."""
    rng = np.random.default_rng(seed)
    n_samples = n_train + n_validation
    module_of = rng.integers(N_MODULES, size=input_size)
    module_of[rng.random(input_size) < 0.25] = -1
    modules = rng.standard_normal((n_samples, N_MODULES), dtype=np.float32)
    x = rng.standard_normal((n_samples, input_size), dtype=np.float32)
    regulated = module_of >= 0
    x[:, regulated] *= np.float32(np.sqrt(1 - MODULE_LOADING**2))
    x[:, regulated] += np.float32(MODULE_LOADING) * modules[:, module_of[regulated]]

    activity = np.empty((n_samples, N_FACTORS), dtype=np.float32)
    for factor in range(N_FACTORS):
        # In small examples a module may have no gene; its factor then reads any.
        genes = np.flatnonzero(module_of == factor % N_MODULES)
        genes = genes if len(genes) else np.arange(input_size)
        read = x[:, rng.choice(genes, size=min(GENES_PER_FACTOR, len(genes)), replace=False)]
        mean = read.mean(axis=1)
        activity[:, factor] = np.tanh(1.5 * mean / mean.std())

    y = np.empty((n_samples, output_size), dtype=np.float32)
    for target in range(output_size):
        chosen = rng.choice(N_FACTORS, size=FACTORS_PER_TARGET, replace=False)
        signal = activity[:, chosen] @ rng.normal(size=FACTORS_PER_TARGET)
        signal += rng.normal() * activity[:, chosen[0]] * activity[:, chosen[1]]
        y[:, target] = (signal - signal.mean()) / signal.std()
    noise = rng.standard_normal(y.shape, dtype=np.float32)
    y = np.float32(np.sqrt(1 - noise_floor)) * y + np.float32(np.sqrt(noise_floor)) * noise
    return Expression(x, y, n_validation)


def load(path: str | Path) -> Expression:
    """Read one's own data, standardise each column and set a random fifth aside for validation.

    Raises:
        ValueError: the file is of another form, or its numbers cannot be used.
    """
    path = Path(path).expanduser()
    x, y = _read(path)
    if x.ndim != 2 or y.ndim != 2 or len(x) != len(y) or len(x) < 10:
        raise ValueError(
            f"{path}: X is {x.shape} and Y is {y.shape}; both need two dimensions and the same"
            " number of rows, the samples, at least 10"
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError(f"{path}: holds values that are missing or infinite; fill or drop them")
    order = np.random.default_rng(0).permutation(len(x))
    n_validation = max(1, round(0.2 * len(x)))
    train = order[:-n_validation]
    return Expression(_standardise(x, train)[order], _standardise(y, train)[order], n_validation)


def _read(path: Path) -> tuple[Matrix, Matrix]:
    match path.suffix:
        case ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                if missing := {"X", "Y"} - set(arrays):
                    raise ValueError(f"{path}: no array {' and '.join(sorted(missing))} in it")
                return arrays["X"].astype(np.float32), arrays["Y"].astype(np.float32)
        case ".npy":
            start, x_mark, end = path.name.rpartition("X")
            if not x_mark:
                raise ValueError(f"{path}: name the file with X in its name, beside one with Y")
            x, y = np.load(path), np.load(path.with_name(f"{start}Y{end}"))
            return x.astype(np.float32), y.astype(np.float32)
        case ".csv":
            with path.open(encoding="utf-8") as file:
                names = [name.strip().strip('"') for name in file.readline().split(",")]
                table = np.loadtxt(file, delimiter=",", dtype=np.float32, ndmin=2)
            is_target = np.array([name.startswith(TARGET_PREFIX) for name in names])
            if not is_target.any():
                raise ValueError(f"{path}: no column begins with {TARGET_PREFIX}")
            return table[:, ~is_target], table[:, is_target]
    raise ValueError(f"{path}: must end in .npz, .npy or .csv")


def _standardise(values: Matrix, rows: npt.NDArray[np.int64]) -> Matrix:
    """Scale by the training rows only, so that nothing of the validation rows is known before."""
    mean, spread = values[rows].mean(axis=0), values[rows].std(axis=0)
    scaled: Matrix = (values - mean) / np.where(spread > 0, spread, np.float32(1))
    return scaled
