"""Random search over an MLP that predicts targets from gene expression; needs torch.

Without one's own data it trains on generated data with known structure, see
`hpo.examples.gene_expression`. To use your own, add a constant 'data_path' to the space, or set
the environment variable HPO_GENE_DATA, and let input_size and output_size be those of the file.
"""

from __future__ import annotations

from typing import Any

from scipy.stats import loguniform


def get_config_space() -> dict[str, Any]:
    """Return what is searched: distributions, lists of alternatives, and constants."""
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
        "objective": "hpo.examples.mlp:objective",
    }
