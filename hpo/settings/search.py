"""The typed settings of a campaign: how the search is run, and what SLURM is asked for.

Numbers are strict: text is no number, true is no int. Files are read, and errors turned into
sentences, in `reading`.
"""

from __future__ import annotations

import shlex
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from hpo.settings.notify import NotifySettings
from hpo.settings.searchers import Searchers, read_searcher
from hpo.settings.slurm import SlurmSettings
from hpo.settings.types import (
    Count,
    Name,
    PositiveCount,
    Settings,
    Takes,
    TextPath,
    Words,
    read_path,
    read_reference,
)
from hpo.units.slurm import parse_memory_mb

__all__ = ["HpoSettings", "SlurmSettings"]


def _read_trials_per_job(value: object) -> object:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    if not is_count and value != "auto":
        raise ValueError(f"must be a whole number from 1 on, or 'auto', not {value!r}")
    return value


def _read_hang_after(value: object) -> object:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
    if not is_number and value not in ("auto", "never"):
        raise ValueError(f"must be a number of seconds above 0, 'auto' or 'never', not {value!r}")
    return float(value) if isinstance(value, (int, float)) else value


def _read_command(value: object) -> object:
    return shlex.split(value) if isinstance(value, str) else value


def _read_size(value: object) -> object:
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(f"must be a size with a unit, such as '50M', not {value!r}")
    if parse_memory_mb(value) < 1:
        raise ValueError("must be 1M or more")
    return value.strip().upper().removesuffix("B")


class SchedulerSettings(Settings):
    """Which trials go on, and how far."""

    type: Literal["random", "asha", "promotion", "stopping"] = "asha"
    """`random`: whole trials. `asha` or `promotion`: pause at rungs, promote the best. `stopping`:
    decide once, when a trial reaches a rung."""

    max_t: Annotated[int, Field(ge=1)] | None = None
    """Resource of the last rung; default: the constant `max_epochs` of the space."""

    grace_period: Annotated[int, Field(ge=1)] = 1
    """Resource of the first rung."""

    reduction_factor: Annotated[int, Field(ge=2)] = 3
    """One in so many trials goes on from a rung."""

    brackets: Annotated[int, Field(ge=1)] = 1
    """Brackets; bracket s starts at rung s, so that more brackets stop fewer trials early."""


SCHEDULERS = {"enum": list(get_args(SchedulerSettings.model_fields["type"].annotation))}


def _read_scheduler(value: object) -> object:
    """A scheduler given by its name alone."""
    return {"type": value} if isinstance(value, str) else value


class HpoSettings(Settings):
    """How the search is run."""

    n_trials: PositiveCount
    """Number of trials; a finite space that holds fewer ends the campaign early and says so."""

    max_concurrent_jobs: PositiveCount = 4
    """Jobs that run at once."""

    output_dir: (
        Annotated[Name, BeforeValidator(read_path), Field(json_schema_extra={"format": "path"})]
        | None
    ) = None
    """Campaign folder, relative to where the command runs; default: `hpo_results/<name>`."""

    checkpoint_interval: Count = 1
    """Epochs between checkpoints; 0: only when the job is asked to leave, and at its end."""

    seed: Count = 0
    """Decides all trials: the same seed gives the same ones, with any number of jobs, resumed or
    not."""

    objective: Annotated[str, BeforeValidator(read_reference)] | None = None
    """`package.module:function` or `file.py:function`; default: the function `objective` of the
    configuration file."""

    entry_point: TextPath | None = None
    """A training script, run as `python script --name value …`, instead of `objective`."""

    command: Annotated[Words | None, BeforeValidator(_read_command)] = None
    """The words that run a script, where they are others: `["{python}", "train.py", "fit",
    "--lr={lr}", "{arguments}"]`, or a text of them; no shell sees them. `{lr}` is a hyperparameter,
    `{arguments}` are all that are not named, `{flags}` the booleans among them; `{python}`,
    `{script}` (`entry_point`), `{config_file}` (the configuration as JSON) and `{checkpoint_dir}`
    are the trial's; `{{` is a brace."""

    arguments: Name = "--{name} {value}"
    """How a script takes a hyperparameter: `--{name} {value}`, `--{name}={value}`,
    `{name}={value}`."""

    flags: Name | None = None
    """How a script takes a boolean: `--{name}` (only if true), `--{name}/--no-{name}` (the second
    if false); default: as a value."""

    lists: Literal["json", "words"] = "json"
    """How a script takes a list: as one word of JSON, or as several `words` (`nargs`)."""

    metric_pattern: Name | None = None
    """Regular expression with named groups, for the lines in which a script tells its metrics."""

    metric: Name = "validation_error"
    """Name of the reported number that is compared."""

    mode: Literal["min", "max"] = "min"
    """Whether a smaller (`min`) or a larger (`max`) metric is better."""

    trial_value: Literal["last", "best"] = "last"
    """What a trial is worth: its `last` report, or its `best`, for who keeps the best epoch's
    model."""

    resource_attr: Name = "epoch"
    """Name under which the objective reports its progress."""

    max_resource_attr: Name = "max_epochs"
    """Hyperparameter that says how many epochs a whole trial has. Where it is set (also to the
    default) and trials have rungs, the objective is given its rung as the value of it."""

    points_to_evaluate: list[dict[str, Any]] = []  # noqa: RUF012  # because pydantic copies it
    """Configurations to try first; what one leaves out takes the middle of its domain."""

    searcher: Annotated[Searchers | None, BeforeValidator(read_searcher)] = None
    """Who chooses the configurations: `random`, `sobol`, `grid`, `local`, `tpe` or `gp`, or a
    mapping with that `name` and settings of it (see `searcher`); or one's own, `file.py:Searcher`,
    called with (space, seed) in the manager. Default: random search."""

    scheduler: Annotated[
        SchedulerSettings | None, BeforeValidator(_read_scheduler), Takes((SCHEDULERS,))
    ] = None
    """How trials are cut into legs: the name of a type, or a mapping (see `scheduler`); default:
    whole trials."""

    at_end: Literal["finish", "checkpoint"] = "finish"
    """What runs when a limit is reached finishes its leg (`finish`), or saves and leaves
    (`checkpoint`)."""

    keep_checkpoints: Literal["all", "promotable", "best"] = "promotable"
    """Which to keep: `all`; those that a trial may go on from (`promotable`), failed ones included,
    which may be retried; at the end only the best trial's (`best`)."""

    max_gpu_hours: Annotated[float, Field(gt=0)] | None = None
    """GPU-hours after which no new leg starts; hours of jobs where no GPU is asked for; default: no
    limit."""

    target_error: float | None = None
    """The metric at which the search has found enough; default: go on."""

    max_wallclock_time: Annotated[float, Field(gt=0)] | None = None
    """Seconds since the campaign's first start after which nothing new starts; default: no
    limit."""

    trials_per_job: Annotated[int | Literal["auto"], BeforeValidator(_read_trials_per_job)] = 1
    """Trials (or legs) that one job takes one after the other; `auto`: as many as its time
    allows."""

    cwd: Literal["start", "trial"] = "start"
    """The folder that a trial runs in: where the campaign was started (`start`), or one of its own
    (`trial`), `trials/trial_N/work`; the first is then in `HPO_START_DIR`."""

    trial_process: Literal["fork", "same"] = "fork"
    """With several trials per job: each in a process of its own (`fork`, of the job's), or all in
    the `same`, where what one leaves behind reaches the next."""

    poll_interval: Annotated[float, Field(ge=1)] = 60.0
    """Seconds between two looks at the queue of SLURM; results are seen within 2 s without it. More
    looks would only load slurmctld, which all users share."""

    max_queued_jobs: PositiveCount = 450
    """Jobs that this campaign keeps in SLURM at most. Clusters refuse users who have too many:
    Amarel more than about 500. Where it is not set, all that you have there count, other work and
    other campaigns too."""

    queue_ahead: Count | Literal["auto"] = "auto"
    """Jobs that wait in SLURM's queue beyond `max_concurrent_jobs`, so that it fills a freed GPU by
    itself; `auto`: as many as there is work for, up to 250 (with `trials_per_job: auto`,
    whose jobs last for all of a fixed `time`: four behind each), or, where you set it, up to
    `max_queued_jobs` in all."""

    claim_timeout: Annotated[float, Field(ge=0)] = 60.0
    """Seconds a job waits for work before it ends."""

    pythonpath: list[TextPath] = []  # noqa: RUF012  # likewise
    """Folders from which the jobs import, besides the configuration's and the current one."""

    sharing: Literal["private", "group", "group-writable"] = "private"
    """Who else reads the campaign's folder: nobody (`private`); the `group`; `group-writable`: a
    group that you trust with your account may also write, there and in folders above."""

    report: bool = True
    """Whether the campaign is kept as a page, `report.html`: every ten minutes, and at its end,
    then also as pictures in `plots/`."""

    notify: NotifySettings | None = None
    """Who is told when the campaign ends, breaks or is stuck, as a mapping (see `notify`); default:
    nobody."""

    log_limit: Annotated[str | None, BeforeValidator(_read_size)] = "50M"
    """Size of a job's log beyond which its middle is left out, with a unit; None (`null`): keep it
    all."""

    snapshot_code: bool = False
    """Jobs run a copy of the objective's code as it was at the start (`code/` in the campaign's
    folder), so that it can be edited while they wait."""

    trials_per_gpu: PositiveCount = 1
    """Local processes that share one GPU; SLURM jobs never share."""

    result_grace: Annotated[float, Field(ge=0)] = 30.0
    """Seconds to wait for the result file of a job that SLURM says is over: on a shared filesystem
    it may be seen late."""

    hang_after: Annotated[float | Literal["auto", "never"], BeforeValidator(_read_hang_after)] = (
        "auto"
    )
    """Seconds without a report after which a trial is taken to hang: it is ended, its stack goes
    into its job's log, and it runs once more, on another node. `auto`: five times what a report
    took at most so far, ten minutes at least, longer while it computes or before its first report
    (12 h, or 3 days, where nothing has reported yet). `never`: it is not looked at."""

    max_lost_legs: Count = 20
    """Times that a trial may be lost to the cluster (preemption, broken node) without having got
    further, before it fails."""

    max_initial_failures: Count = 5
    """Alike failures of the first trials that stop the campaign; 0: never stop."""

    @property
    def log_limit_mb(self) -> int | None:
        """The limit of a job's log in MB; None: there is none."""
        return None if self.log_limit is None else parse_memory_mb(self.log_limit)

    @property
    def legs_per_job(self) -> int | None:
        """How many legs one job takes; None: as many as its time allows."""
        return self.trials_per_job if isinstance(self.trials_per_job, int) else None
