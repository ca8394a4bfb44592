"""Which bounds on jobs follow from a campaign's settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from config_files import load_spec

from hpo.settings.limits import seat_limits

CONFIG = """
space: {lr: "loguniform(1e-4, 1e-2)", max_epochs: 9}
slurm: {time: "2:00:00"}
hpo: {n_trials: 50, max_concurrent_jobs: 4, objective: "train.py:objective"}
"""


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], 250),
        (["hpo.max_queued_jobs=300"], None),  # as many as that allows
        (["hpo.queue_ahead=7"], 7),
        (["hpo.trials_per_job=5"], 250),
        # A job that goes on for two hours needs a few behind it, not one for each of its legs.
        (["hpo.trials_per_job=auto"], 16),
        (["hpo.trials_per_job=auto", "hpo.queue_ahead=7"], 7),
        # One that asks for the time of a leg does not go on for long.
        (["hpo.trials_per_job=auto", "slurm.time=auto"], 250),
    ],
)
def test_how_many_jobs_wait_behind_those_that_run(
    tmp_path: Path, overrides: list[str], expected: int | None
) -> None:
    (tmp_path / "train.py").write_text("def objective(config, trial): ...\n", encoding="utf-8")
    config = tmp_path / "search.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    spec = load_spec(str(config), overrides=overrides)
    assert seat_limits(spec, "slurm").queue_ahead == expected
