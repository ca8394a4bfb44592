"""The typed settings of a job: what SLURM is asked for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated

from pydantic import (
    BeforeValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)

from hpo.record.causes import MORE_MEMORY
from hpo.settings.types import (
    Count,
    Lines,
    OneLine,
    OneLineWords,
    PositiveCount,
    Settings,
    Takes,
    is_one_line,
)
from hpo.units.sizes import TIMES_MIN
from hpo.units.slurm import parse_memory_mb, parse_time_min

OWN_OPTIONS = frozenset(
    ["partition", "time", "mem", "cpus_per_task", "account", "qos", "constraint", "exclude"]
)
"""The options of sbatch that have a key of their own, and so no place in `extra`."""
NEEDED_OPTIONS = {
    "signal": "it tells the trials that their time ends",
    "output": "the jobs' logs are looked for in `jobs/`",
    "error": "the jobs' logs are looked for in `jobs/`",
    "open-mode": "a requeued job goes on in its log",
    "array": "seats are asked for as arrays, and `max_concurrent_jobs` limits them",
    "requeue": "a preempted job comes back by itself",
    "no-requeue": "a preempted job comes back by itself",
    "job-name": "jobs are found again by their name",
    "wrap": "the job's script is the campaign's",
    "wait": "the manager must not wait for its jobs",
    "parsable": "the reply of sbatch is read",
    "quiet": "the reply of sbatch is read",
    "test-only": "nothing would ever run",
    "hold": "nothing would ever run",
    "help": "nothing would ever run",
    "usage": "nothing would ever run",
    "version": "nothing would ever run",
    "nodes": "a job is one process on one node",
    "clusters": "jobs are looked for on the cluster of the manager",
    "chdir": "jobs start where the manager did; set `cwd` of the search instead",
}
"""The options of sbatch that the program itself needs as they are, and what for."""
GPU_OPTIONS = frozenset(
    ["gres", "gpus", "gpus-per-node", "gpus-per-task", "gpus-per-socket", "tres-per-node"]
)
"""The options of sbatch that ask for GPUs; one of them in `extra` takes the place of `gpus`."""


def _needed(name: str) -> str | None:
    """Why the program needs an option of sbatch as it is, or must read it by its whole name."""
    long = name.replace("_", "-")
    if len(long) == 1:
        return "only long names are read"
    for known in (*NEEDED_OPTIONS, *(own.replace("_", "-") for own in OWN_OPTIONS)):
        if known != long and known.startswith(long):
            return f"sbatch may take it for {known!r}"
    return NEEDED_OPTIONS.get(long)


PER_PART = {"mem-per-cpu", "mem-per-gpu"}
AUTO = "auto"
ALL_MEMORY = "0"  # as sbatch spells it
MAX_TIME, MAX_MEM = "2:00:00", "8G"  # under auto, where nothing else is said


MINUTES = Takes(({"type": "integer"},))


def _read_time(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"must be a time such as '2:00:00' or a number of minutes, not {value!r}")
    parse_time_min(value)
    return value.strip()


def _read_memory(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"must be a size with a unit, such as '16G' or '800M', not {value!r}")
    parse_memory_mb(value)
    return value.strip().upper().removesuffix("B")


def _or_auto(read: Callable[[object], object]) -> Callable[[object], object]:
    return lambda value: AUTO if value == AUTO else read(value)


def _read_memory_or_none(value: object) -> object:
    if value is None or value == AUTO:
        return value
    is_zero = value in (0, ALL_MEMORY) and not isinstance(value, bool)
    return ALL_MEMORY if is_zero else _read_memory(value)


def _option_problem(name: object, value: object) -> str | None:
    """What is wrong with an option in `extra`; its value is not told, it may be a password."""
    if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z][\w-]*", name):
        return f"option {name!r}: write its long name without dashes, {str(name).lstrip('-')!r}"
    if (own := name.replace("-", "_")) in OWN_OPTIONS:
        return f"option {name!r} has a key of its own: set {own!r} instead"
    needed = _needed(name)
    if needed is not None and (name, value) != ("requeue", True):
        return f"option {name!r} cannot be set, because {needed}: leave it out"
    if not isinstance(value, (str, int, float)):
        return f"option {name!r} must be text, a number or true, not a {type(value).__name__}"
    if isinstance(value, str) and not is_one_line(value):
        return f"option {name!r} must be one line without control characters"
    return None


class SlurmSettings(Settings):
    """What each job asks SLURM for. Local runs use `cpus_per_task`, `gpus` and `env_setup` only."""

    partition: OneLine | None = None
    """Partition, or several with commas; default: the cluster's own default."""

    time: Annotated[str, BeforeValidator(_or_auto(_read_time)), MINUTES] = "2:00:00"
    """Time limit of one job: MM, MM:SS, HH:MM:SS or D-HH[:MM[:SS]]; an integer is minutes. `auto`:
    learned from the legs that have ended, so that short ones ask for little."""

    max_time: Annotated[str, BeforeValidator(_read_time), MINUTES] | None = None
    """With `time: auto`: what the first jobs ask for, and the most that any does; default
    `2:00:00`. A leg that takes longer goes on in further jobs, from its checkpoint."""

    mem: Annotated[str | None, BeforeValidator(_read_memory_or_none), Takes(({"const": 0},))] = "4G"
    """Memory of one job on its node, with a unit: K, M, G or T. `auto`: learned from what legs were
    seen to use. `"0"`: all that the node has. None (`null`): not asked for, as where `extra` has
    `mem-per-cpu` or `mem-per-gpu` and `mem` is left out."""

    max_mem: Annotated[str, BeforeValidator(_read_memory)] | None = None
    """Memory up to which a trial that ran out of it is tried again, each time with half as much
    more; default: half as much more than `mem`, which is one more try. `mem`: no other try. With
    `mem: auto`: what the first jobs ask for, and the most that any does; default `8G`."""

    cpus_per_task: PositiveCount = 1
    """Cores of one job."""

    gpus: Count = 0
    """GPUs of one job; 0 asks for none. Asked for as `--gres=gpu:N`, unless `extra` has another of
    sbatch's options for them: `{"gpus-per-task": 1}`, or `{"gres": "none"}` where a cluster gives
    whole nodes."""

    gpu_type: OneLine | None = None
    """Kind of GPU as the cluster names it (see `sinfo -o %G`); default: any."""

    account: OneLine | None = None
    """Account to charge; default: the user's default account."""

    qos: OneLine | None = None
    """Quality of service; default: that of the account."""

    constraint: OneLine | None = None
    """Node features that are needed, as for `sbatch --constraint`."""

    exclude: OneLine | None = None
    """Nodes never to be used, as for `sbatch --exclude`."""

    python: OneLineWords | None = None
    """Interpreter of the jobs: a path, or the words of a container's, `["apptainer", "exec",
    "--nv", "image.sif", "python"]`; default: the one that `env_setup` chooses, else the one that
    runs the manager."""

    env_setup: Lines = []  # noqa: RUF012  # because pydantic copies it
    """Shell lines run at the start of each job, such as `source activate my-env`; text or list.
    Where they put another `python` on the path and `python` is not set, trials run in that. Lines
    that are edited count from the next start of the manager, also for jobs that wait already."""

    env_setup_strict: bool = True
    """Whether a line of `env_setup` that fails ends the start of a job, which is tried again for
    10 min, before it takes a trial. `|| true` behind a line allows it to fail; `false` here allows
    all, and the campaign's log says which did. On SLURM; local runs go on."""

    extra: dict[str, str | int | float | bool] = {}  # noqa: RUF012  # likewise
    """Any other options of sbatch, by name without dashes: `{"reservation": "course"}`."""

    @model_validator(mode="before")
    @classmethod
    def _leave_memory_to_extra(cls, settings: object) -> object:
        """`mem-per-cpu` and `mem` exclude each other in SLURM, so the default must not be there."""
        if not isinstance(settings, dict) or "mem" in settings:
            return settings
        extra = settings.get("extra")
        names = {str(name).replace("_", "-") for name in extra} if isinstance(extra, dict) else ()
        return settings | {"mem": None} if names and names & PER_PART else settings

    @field_validator("extra", mode="before")
    @classmethod
    def _check_extra(cls, extra: object) -> object:
        if not isinstance(extra, dict):
            return extra  # because pydantic says that it must be a mapping
        if problems := [p for item in extra.items() if (p := _option_problem(*item))]:
            raise ValueError("; ".join(problems))
        return extra

    @field_validator("max_mem")
    @classmethod
    def _check_max_mem(cls, max_mem: str | None, info: ValidationInfo) -> str | None:
        mem = info.data.get("mem", AUTO)  # missing if it is wrong itself
        if max_mem and mem in (None, ALL_MEMORY):
            raise ValueError("goes with a size as `mem`, or with `mem: auto`; leave it out")
        least = None if mem == AUTO else mem
        if max_mem and least and parse_memory_mb(max_mem) < parse_memory_mb(least):
            raise ValueError(f"must be at least `mem`, {mem}, not {max_mem}")
        return max_mem

    @field_validator("max_time")
    @classmethod
    def _check_max_time(cls, max_time: str | None, info: ValidationInfo) -> str | None:
        time = info.data.get("time")  # missing if it is wrong itself
        if max_time and time and time != AUTO:
            raise ValueError(f"goes with `time: auto` only; `time` is {time}, so leave it out")
        if max_time and parse_time_min(max_time) < TIMES_MIN[0]:
            raise ValueError(
                f"must be at least {TIMES_MIN[0]} minutes, the least that `time: auto` asks for, "
                f"not {max_time}"
            )
        return max_time

    @property
    def learns_time(self) -> bool:
        """Whether the time limit of jobs is learned."""
        return self.time == AUTO

    @property
    def learns_mem(self) -> bool:
        """Whether the memory of jobs is learned."""
        return self.mem == AUTO

    @property
    def longest_time(self) -> str:
        """The time limit as it was written; where it is learned, the longest."""
        return (self.max_time or MAX_TIME) if self.learns_time else self.time

    @property
    def time_min(self) -> int:
        """`longest_time` in minutes, rounded up."""
        return parse_time_min(self.longest_time)

    @property
    def mem_option(self) -> str | None:
        """What `--mem` is to say where no other memory is asked for; None: nothing."""
        if self.mem is None:
            return None
        return ALL_MEMORY if self.mem == ALL_MEMORY else f"{self.mem_mb}M"

    @property
    def mem_mb(self) -> int:
        """The memory in megabytes, rounded up; where it is learned, the most; 0: nobody knows."""
        if self.mem is None or self.mem == ALL_MEMORY:
            return 0
        return parse_memory_mb((self.max_mem or MAX_MEM) if self.learns_mem else self.mem)

    @property
    def max_mem_mb(self) -> int:
        """The most memory that a trial may get, in megabytes."""
        if self.learns_mem:
            return self.mem_mb
        if self.max_mem is None:
            return math.ceil(MORE_MEMORY * self.mem_mb)
        return parse_memory_mb(self.max_mem)
