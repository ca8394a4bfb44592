"""The settings as keyword arguments, for type checkers and editors; docs/reference/settings.md.

Written by docs/settings_table.py from hpo/settings/; change those.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal, TypedDict


class SlurmOptions(TypedDict, total=False):
    """What each job asks SLURM for."""

    partition: str | None
    time: str | int
    max_time: str | int | None
    mem: str | Literal[0] | None
    max_mem: str | None
    cpus_per_task: int
    gpus: int
    gpu_type: str | None
    account: str | None
    qos: str | None
    constraint: str | None
    exclude: str | None
    python: Sequence[str] | str | None
    env_setup: Sequence[str] | str
    env_setup_strict: bool
    extra: Mapping[str, Any]


class CampaignOptions(TypedDict, total=False):
    """How the search is run."""

    n_trials: int
    max_concurrent_jobs: int
    output_dir: str | PathLike[str] | None
    checkpoint_interval: int
    seed: int
    entry_point: str | PathLike[str] | None
    command: Sequence[str] | str | None
    arguments: str
    flags: str | None
    lists: Literal["json", "words"]
    metric_pattern: str | None
    metric: str
    mode: Literal["min", "max"]
    trial_value: Literal["last", "best"]
    resource_attr: str
    max_resource_attr: str
    points_to_evaluate: Sequence[Mapping[str, Any]]
    at_end: Literal["finish", "checkpoint"]
    keep_checkpoints: Literal["all", "promotable", "best"]
    max_gpu_hours: float | None
    target_error: float | None
    max_wallclock_time: float | None
    trials_per_job: int | Literal["auto"]
    cwd: Literal["start", "trial"]
    trial_process: Literal["fork", "same"]
    poll_interval: float
    max_queued_jobs: int
    queue_ahead: int | Literal["auto"]
    claim_timeout: float
    pythonpath: Sequence[str | PathLike[str]]
    sharing: Literal["private", "group", "group-writable"]
    report: bool
    notify: Mapping[str, Any] | None
    log_limit: str | None
    snapshot_code: bool
    trials_per_gpu: int
    result_grace: float
    hang_after: float | Literal["auto", "never"]
    max_lost_legs: int
    max_initial_failures: int
