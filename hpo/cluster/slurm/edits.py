"""Edited settings and the jobs that wait: what SLURM can change in its place, and what it cannot.

Owns `jobs/asked.json`, the settings that waiting jobs were asked for with. The rest is pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from hpo.folder.files import Layout, publish_json, read_object
from hpo.settings.slurm import GPU_OPTIONS, SlurmSettings

# What a job reads only when it starts, or what does not concern a job by itself.
_NOT_ASKED = frozenset({"python", "env_setup", "env_setup_strict", "max_mem", "max_time"})


@dataclass(frozen=True, slots=True)
class Edits:
    """What to tell scontrol of jobs that wait.

    Attributes:
        words: for all of them.
        sizes: for those that have no memory and time of their own, but for the time limit.
        time_min: their new time limit (min); None: as it was.
        is_longer: than it was.
        anew: the settings that need another job.
    """

    words: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    time_min: int | None = None
    is_longer: bool = False
    anew: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.words or self.sizes or self.time_min or self.anew)


def edits(old: SlurmSettings, new: SlurmSettings) -> Edits:
    """What makes of jobs that were asked for with `old` such of `new`."""
    words, sizes, anew = [], [], []
    time_min = None
    changed = [
        key
        for key in SlurmSettings.model_fields
        if key not in _NOT_ASKED and getattr(old, key) != getattr(new, key)
    ]
    for key in changed:
        value = getattr(new, key)
        if key == "time" and not (old.learns_time or new.learns_time):
            time_min = new.time_min if new.time_min != old.time_min else None
        elif key == "mem" and not (old.learns_mem or new.learns_mem) and old.mem_mb and new.mem_mb:
            sizes.append(f"MinMemoryNode={new.mem_mb}")
        elif key in _IN_PLACE and (value is not None or key in _MAY_BE_EMPTY):
            words.append(f"{_IN_PLACE[key]}={value or ''}")
        elif key in ("gpus", "gpu_type") and old.gpus and new.gpus and not _asks_itself(new):
            kind = f":{new.gpu_type}" if new.gpu_type else ""
            words.append(f"Gres=gpu{kind}:{new.gpus}")
        else:
            anew.append(key)
    return Edits(
        tuple(dict.fromkeys(words)),
        tuple(sizes),
        time_min,
        new.time_min > old.time_min,
        tuple(anew),
    )


def _asks_itself(settings: SlurmSettings) -> bool:
    return any(name.replace("_", "-") in GPU_OPTIONS for name in settings.extra)


_IN_PLACE = {
    "partition": "Partition",
    "account": "Account",
    "qos": "QOS",
    "constraint": "Features",
    "exclude": "ExcNodeList",
}
_MAY_BE_EMPTY = ("constraint", "exclude")


def asked(layout: Layout, former: Mapping[str, Any] | None, now: SlurmSettings) -> SlurmSettings:
    """The settings that waiting jobs were asked for with.

    `former` are those of the last start, for folders of versions that wrote down no others.

    Raises:
        OSError: they cannot be kept for a start that is cut short.
    """
    known = read_object(layout.asked).get("slurm")
    told = known if isinstance(known, dict) else former
    if told is None:
        keep(layout, now)
        return now
    try:
        settings = SlurmSettings.model_validate(dict(told))
    except (ValidationError, ValueError):
        return now  # of a version that knew others
    if not isinstance(known, dict):
        keep(layout, settings)
    return settings


def keep(layout: Layout, settings: SlurmSettings) -> None:
    """All jobs that wait ask for these.

    Raises:
        OSError: it cannot be written.
    """
    publish_json(layout.asked, {"slurm": settings.model_dump(mode="json")})
