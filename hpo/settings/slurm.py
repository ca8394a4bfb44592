"""The typed settings of a job: what SLURM is asked for."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ValidationInfo, field_validator

from hpo.record.causes import MORE_MEMORY
from hpo.settings.types import STRICT, Count, Lines, Name, PositiveCount, TextPath
from hpo.units.sizes import TIMES_MIN
from hpo.units.slurm import parse_memory_mb, parse_time_min

OWN_OPTIONS = frozenset(
    ["partition", "time", "mem", "cpus_per_task", "account", "qos", "constraint", "exclude"]
)
"""The options of sbatch that have a key of their own, and so no place in `extra`."""


AUTO = "auto"
MAX_TIME, MAX_MEM = "2:00:00", "8G"  # under auto, where nothing else is said


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


class SlurmSettings(BaseModel):
    """What each job asks SLURM for. Local runs use `cpus_per_task`, `gpus` and `env_setup` only."""

    model_config = STRICT

    partition: Name | None = None
    """Partition, or several with commas; default: the cluster's own default."""

    time: Annotated[str, BeforeValidator(_or_auto(_read_time))] = "2:00:00"
    """Time limit of one job: MM, MM:SS, HH:MM:SS or D-HH[:MM[:SS]]; an integer is minutes. `auto`:
    learned from the legs that have ended, so that short ones ask for little."""

    max_time: Annotated[str, BeforeValidator(_read_time)] | None = None
    """With `time: auto`: what the first jobs ask for, and the most that any does; default
    `2:00:00`. A leg that takes longer goes on in further jobs, from its checkpoint."""

    mem: Annotated[str, BeforeValidator(_or_auto(_read_memory))] = "4G"
    """Memory of one job on its node, with a unit: K, M, G or T. `auto`: learned from what legs were
    seen to use."""

    max_mem: Annotated[str, BeforeValidator(_read_memory)] | None = None
    """Memory up to which a trial that ran out of it is tried again, each time with half as much
    more; default: half as much more than `mem`, which is one more try. `mem`: no other try. With
    `mem: auto`: what the first jobs ask for, and the most that any does; default `8G`."""

    cpus_per_task: PositiveCount = 1
    """Cores of one job."""

    gpus: Count = 0
    """GPUs of one job; 0 asks for none."""

    gpu_type: Name | None = None
    """Kind of GPU as the cluster names it (see `sinfo -o %G`); default: any."""

    account: Name | None = None
    """Account to charge; default: the user's default account."""

    qos: Name | None = None
    """Quality of service; default: that of the account."""

    constraint: Name | None = None
    """Node features that are needed, as for `sbatch --constraint`."""

    exclude: Name | None = None
    """Nodes never to be used, as for `sbatch --exclude`."""

    python: TextPath | None = None
    """Interpreter of the jobs; default: the one that runs the manager."""

    env_setup: Lines = []
    """Shell lines run at the start of each job, such as `source activate my-env`; text or list. If
    one fails the trial is tried all the same."""

    extra: dict[str, str | int | float | bool] = {}
    """Any other options of sbatch, by name without dashes: `{"reservation": "course"}`."""

    @field_validator("extra", mode="before")
    @classmethod
    def _check_extra(cls, extra: object) -> object:
        if not isinstance(extra, dict):
            return extra  # because pydantic says that it must be a mapping
        for name, value in extra.items():
            if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z][\w-]*", name):
                bare = str(name).lstrip("-")
                raise ValueError(f"option {name!r}: write its long name without dashes, {bare!r}")
            if (own := name.replace("-", "_")) in OWN_OPTIONS:
                raise ValueError(f"option {name!r} has a key of its own: set {own!r} instead")
            if not isinstance(value, (str, int, float)):
                raise ValueError(f"option {name!r} must be text, a number or true, not {value!r}")
        return extra

    @field_validator("max_mem")
    @classmethod
    def _check_max_mem(cls, max_mem: str | None, info: ValidationInfo) -> str | None:
        mem = info.data.get("mem")  # missing if it is wrong itself
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
    def mem_mb(self) -> int:
        """The memory in megabytes, rounded up; where it is learned, the most."""
        return parse_memory_mb((self.max_mem or MAX_MEM) if self.learns_mem else self.mem)

    @property
    def max_mem_mb(self) -> int:
        """The most memory that a trial may get, in megabytes."""
        if self.learns_mem:
            return self.mem_mb
        if self.max_mem is None:
            return math.ceil(MORE_MEMORY * self.mem_mb)
        return parse_memory_mb(self.max_mem)
