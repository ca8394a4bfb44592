"""Random search over a small network on scikit-learn's digits: real data, no GPU, no torch.

The whole campaign takes less than a minute on two cores; `make demo` runs it.
"""

from __future__ import annotations

from typing import Any

from hpo import lograndint, loguniform


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
        "objective": "hpo.examples.digits:objective",
    }
