"""Uses as a type checker sees them: what is right passes, what is wrong is marked (`make types`).

mypy complains of an ignored error that is none, so that each line below can fail.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typing_extensions import assert_type

import hpo
from hpo.errors import SettingsError


def objective(learning_rate: float, batch_size: int, max_epochs: int) -> None:
    """Reports; not called here."""


def right() -> None:
    campaign = hpo.Campaign(
        objective,
        space={"learning_rate": hpo.loguniform(1e-4, 1e-1), "batch_size": [32, 64]},
        n_trials=50,
        scheduler=hpo.ASHA(max_t=27, grace_period=3),
        points_to_evaluate=[{"learning_rate": 0.1}],
        max_wallclock_time=12 * 60,
        trials_per_job="auto",
        output_dir=Path("somewhere"),
        slurm=hpo.SLURM(partition="gpu", gpus=1, time=30, env_setup="source activate x", mem=0),
    )
    hpo.Campaign("train.py:objective", searcher=hpo.AsyncRandomSearch, space={"a": [1]}, n_trials=1)
    hpo.Campaign(entry_point="train.py", space={"a": [1]}, n_trials=1, scheduler="asha")
    run = assert_type(campaign.submit(sbatch={"partition": "nonpre"}), hpo.Run)
    assert_type(run.wait(timeout=1.0), hpo.Run)
    assert_type(run.results.trials, pd.DataFrame)
    run.stop("now")
    assert_type(hpo.attach("somewhere"), hpo.Run)
    study = assert_type(hpo.ask_tell({"a": [1]}, scheduler=hpo.ASHA(max_t=9)), hpo.Study)
    trial = study.ask()
    if trial is not None:
        study.tell(trial, float(trial.config["a"]))
    assert_type(study.best_value, float | None)


def wrong() -> None:
    hpo.SLURM(gpu=1)  # type: ignore[call-arg]
    hpo.SLURM(gpus="one")  # type: ignore[arg-type]
    hpo.Campaign(objective, space={"a": [1]}, n_trial=3)  # type: ignore[call-arg]
    hpo.Campaign(objective, space={"a": [1]}, mode="least")  # type: ignore[arg-type]
    hpo.Campaign(3, space={"a": [1]})  # type: ignore[arg-type]
    hpo.attach("somewhere").stop("gently")  # type: ignore[arg-type]
    hpo.ask_tell({"a": [1]}, goal="min")  # type: ignore[call-arg]


def test_what_is_wrong_is_refused_by_the_program_too() -> None:
    with pytest.raises(SettingsError, match=r"unknown key 'n_trial' in hpo\.Campaign"):
        wrong()
