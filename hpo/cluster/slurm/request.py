"""What one seat asks SLURM for, as submitit and as sbatch want to hear it.

Owns the translation of the user's SLURM settings. Pure: builds values, calls nothing.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hpo
from hpo.folder.files import Layout
from hpo.job import start
from hpo.seats.start_script import Start
from hpo.seats.wall_time import SEAT_MIN, export_lines
from hpo.settings.search import SlurmSettings
from hpo.settings.slurm import GPU_OPTIONS
from hpo.shown import shell_words
from hpo.units.sizes import Size, warning_s

_PER_TASK = frozenset(["gpus-per-task", "tres-per-task"])
PACKAGE_HOME = Path(hpo.__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class SeatRequest:
    """The request for one seat."""

    settings: SlurmSettings

    def job_name(self, campaign: str, size: Size) -> str:
        """The name of a waiting seat; a new manager reads from it what is special about it.

        The memory (MB), and the time (min) that was asked for, which a maintenance may have cut.
        """
        memory = "" if size.mem_mb is None else f"-{size.mem_mb}M"
        time = "" if size.time_min is None else f"-{size.time_min}min"
        return f"trial{memory}{time}.{campaign}"

    def start(self, layout: Layout) -> Start:
        """How the jobs of the campaign in `layout` start."""
        settings = self.settings
        return Start(
            root=str(layout.root),
            program=start.__file__,
            env_setup=tuple(line for line in settings.env_setup if line.strip()),
            python=None if settings.python is None else tuple(settings.python),
            default=sys.executable,
            home=str(PACKAGE_HOME),
            strict=settings.env_setup_strict,
            gpus=settings.gpus,
        )

    def submitit_parameters(
        self,
        *,
        name: str,
        at_once: int,
        size: Size,
        minutes: int,
        avoid: Collection[str] = (),
    ) -> dict[str, Any]:
        """Keyword arguments for `SlurmExecutor.update_parameters`.

        `minutes` is the time limit; but for the partition and for maintenance it would be that of
        `size`.
        """
        settings = self.settings
        asked = size.known_or(Size(settings.mem_mb, settings.time_min))
        return {
            "job_name": name,
            "partition": settings.partition,
            "account": settings.account,
            "qos": settings.qos,
            "constraint": settings.constraint,
            "exclude": self.excluded(avoid) or None,
            "time": minutes,
            "mem": settings.mem_option if size.mem_mb is None else f"{size.mem_mb}M",
            "cpus_per_task": self._cpus(),
            "gres": self._gres(),
            "array_parallelism": at_once,
            "use_srun": False,
            "stderr_to_stdout": True,
            "wckey": None,  # submitit's own default is refused where wckeys are enforced
            "setup": [f"export {SEAT_MIN}={asked.time_min}", *export_lines(minutes)],
            # A preempted seat comes back by itself and takes whatever is best then.
            "additional_parameters": {"requeue": True, "signal": f"B:USR2@{warning_s(minutes)}"}
            | self._extra(),
        }

    def sbatch_options(self, mem_mb: int | None = None) -> list[str]:
        """The same request for `sbatch --test-only`, with other memory (MB) than the settings'."""
        settings = self.settings
        named = {
            "partition": settings.partition,
            "account": settings.account,
            "qos": settings.qos,
            "constraint": settings.constraint,
            "exclude": settings.exclude,
            "time": settings.time_min,
            "mem": settings.mem_option if mem_mb is None else f"{mem_mb}M",
            "cpus-per-task": self._cpus(),
            "gres": self._gres(),
        } | self._extra()
        return [
            f"--{key}" if value is True else f"--{key}={value}"
            for key, value in named.items()
            if value is not None
        ]

    def describe(self, mem_mb: int | None = None) -> str:
        """The request in one line, for messages; not what is exported, which may be a password."""
        told = (re.sub("^(--export)=.*", r"\1=…", word) for word in self.sbatch_options(mem_mb))
        return shell_words(list(told))

    def excluded(self, avoid: Collection[str]) -> str:
        """The user's own `exclude` and the nodes in `avoid`, as sbatch and scontrol read them."""
        own = [self.settings.exclude] if self.settings.exclude else []
        return ",".join([*own, *sorted(avoid)])

    def _gres(self) -> str | None:
        if self.settings.gpus == 0 or GPU_OPTIONS & self._extra().keys():
            return None
        kind = f":{self.settings.gpu_type}" if self.settings.gpu_type else ""
        return f"gpu{kind}:{self.settings.gpus}"

    def _extra(self) -> dict[str, Any]:
        extra = {key.replace("_", "-"): value for key, value in self.settings.extra.items()}
        if _PER_TASK & extra.keys():
            extra.setdefault("ntasks", 1)  # sbatch wants to know for how many
        return {key: value for key, value in extra.items() if value is not False}

    def _cpus(self) -> int | None:
        """`cpus-per-gpu` and `cpus-per-task` exclude each other."""
        return None if "cpus-per-gpu" in self._extra() else self.settings.cpus_per_task
