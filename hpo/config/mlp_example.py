"""Random search over an MLP that predicts targets from gene expression; needs torch.

Without one's own data it trains on generated data with known structure, see `gene_expression`. To
use your own, add a constant 'data_path' to the space, or set the environment variable
HPO_GENE_DATA, and let input_size and output_size be those of the file. Other hyperparameters that
the space may have: `dropout` (a share, default 0), `lr_decay` (what lr is multiplied by after each
epoch, default 1), `n_train`, `n_validation`, `seed`.

Reports the validation MSE relative to the variance, 1 - R²: 1 is predicting the mean. Resumable:
on the CPU a resumed trial gives bit for bit what an uninterrupted one gives, because checkpoints
hold torch's random state too, and restore() is the last thing before the loop.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hpo.config import gene_expression

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from hpo import Trial

DATA_VARIABLE = "HPO_GENE_DATA"


def get_config_space() -> dict[str, Any]:
    """Return what is searched: distributions, lists of alternatives, and constants."""
    from scipy.stats import loguniform  # here, because a job need not wait for it

    return {
        "input_size": 3883,
        "output_size": 214,
        "hidden_sizes": [[1024, 512, 256], [2048, 1024, 512]],
        "lr": loguniform(1e-4, 1e-2),
        "weight_decay": loguniform(1e-5, 1e-3),
        "batch_size": [32, 64, 128],
        "max_epochs": [50, 100],
    }


def get_slurm_config() -> dict[str, Any]:
    """Return what one job asks for."""
    return {
        "partition": "main",
        "time": "2:00:00",
        "mem": "16G",
        "cpus_per_task": 4,
        "gpus": 1,
        # Runs in each job before Python starts. A comment here, because an environment of this
        # name must exist; jobs use the Python that starts the campaign if nothing is set.
        # 'env_setup': 'source activate tfa-predictor',
    }


def get_hpo_config() -> dict[str, Any]:
    """Return how the search runs."""
    return {
        "n_trials": 50,
        "max_concurrent_jobs": 4,
        "output_dir": "hpo_results/mlp_example",
        "checkpoint_interval": 5,
        "seed": 42,
        "objective": "hpo.config.mlp_example:objective",
    }


def objective(config: Mapping[str, Any], trial: Trial) -> None:
    """Train one configuration, reporting after each epoch."""
    import torch  # here as below, because the manager reads this file and has no use for torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    seed = int(config.get("seed", 0))
    data = load_data(config)
    x, y = (torch.from_numpy(part).to(device) for part in data.train)
    validation_x, validation_y = (torch.from_numpy(part).to(device) for part in data.validation)

    torch.manual_seed(seed)
    model = build_model(config).to(device)
    optimizer = torch.optim.Adam(
        model.parameters(), lr=config["lr"], weight_decay=config["weight_decay"]
    )
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=config.get("lr_decay", 1.0))
    trial.restore(model=model, optimizer=optimizer, schedule=schedule)
    for epoch in trial.epochs():
        order = torch.randperm(len(x)).to(device)  # goes on after a resume, as dropout does
        train_loss = train_epoch(model, optimizer, x[order], y[order], config["batch_size"])
        schedule.step()
        error = relative_error(model, validation_x, validation_y)
        trial.report(epoch=epoch, validation_error=error, train_loss=train_loss)


def load_data(config: Mapping[str, Any]) -> gene_expression.Expression:
    """Return the user's data where some is named, else generated data.

    Raises:
        ValueError: the sizes in the space are not those of the data.
    """
    path = config.get("data_path") or os.environ.get(DATA_VARIABLE)
    if not path:
        return gene_expression.generate(
            input_size=config["input_size"],
            output_size=config["output_size"],
            n_train=config.get("n_train", 512),
            n_validation=config.get("n_validation", 128),
        )
    data = gene_expression.load(path)
    found, wanted = (
        (data.x.shape[1], data.y.shape[1]),
        (config["input_size"], config["output_size"]),
    )
    if found != wanted:
        raise ValueError(
            f"{path} has {found[0]} inputs and {found[1]} targets, the space says {wanted[0]} and"
            f" {wanted[1]}; set 'input_size': {found[0]}, 'output_size': {found[1]} in it"
        )
    return data


def build_model(config: Mapping[str, Any]) -> nn.Sequential:
    """Return the network: linear layers with ReLU between them, and dropout if there is any."""
    from torch import nn

    dropout = config.get("dropout", 0.0)
    sizes = [config["input_size"], *config["hidden_sizes"], config["output_size"]]
    layers: list[nn.Module] = []
    for size, next_size in itertools.pairwise(sizes):
        layers += [nn.Linear(size, next_size), nn.ReLU()]
        layers += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*layers[: -2 if dropout else -1])


def train_epoch(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, y: Tensor, batch_size: int
) -> float:
    """Go through the samples once, in the order given; return the mean loss."""
    from torch import nn

    model.train()
    total = 0.0
    for start in range(0, len(x), batch_size):
        batch = slice(start, start + batch_size)
        # Any, because torch has no types for backward().
        loss: Any = nn.functional.mse_loss(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x[batch])
    return total / len(x)


def relative_error(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """Return the squared error as a share of the variance around each target's mean."""
    import torch

    model.eval()
    with torch.no_grad():
        residual = (model(x) - y).square().sum()
        return float(residual / (y - y.mean(dim=0)).square().sum())
