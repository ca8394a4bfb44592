"""The `mlp_example` objective: a multilayer perceptron that predicts targets from gene expression.

Hyperparameters: hidden_sizes, lr, weight_decay, batch_size, max_epochs, and the constants
input_size and output_size. Optional: `dropout` (a share, default 0), `lr_decay` (what lr is
multiplied by after each epoch, default 1), `data_path` (one's own data, see `gene_expression`;
also by the environment variable HPO_GENE_DATA), `n_train`, `n_validation`, `seed`.

Reports the validation MSE relative to the variance, 1 - R²: 1 is predicting the mean. Resumable:
on the CPU a resumed trial gives bit for bit what an uninterrupted one gives, because checkpoints
hold torch's random state too, and restore() is the last thing before the loop.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from hpo.examples import gene_expression
from hpo.trial.trial import Trial

DATA_VARIABLE = "HPO_GENE_DATA"


def objective(config: Mapping[str, Any], trial: Trial) -> None:
    """Train one configuration, reporting after each epoch."""
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
    model.eval()
    with torch.no_grad():
        residual = (model(x) - y).square().sum()
        return float(residual / (y - y.mean(dim=0)).square().sum())
