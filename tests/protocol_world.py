"""One state of the model: the files, the processes, and what SLURM says of the jobs."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from protocol_files import Files
from protocol_programs import JOURNAL

from hpo.record import events as ev


@dataclass(frozen=True, slots=True)
class Job:
    """One job: the process as the list of what it has seen, and what SLURM says of it."""

    local: int  # its process; see `Processes`
    phase: str = "unknown"  # not listed before its first step
    life: int = 0
    dead: bool = False
    cause: str = "vanished"  # what SLURM gives as the reason of its end

    @property
    def started(self) -> bool:
        return self.phase != "unknown"


@dataclass(frozen=True, slots=True)
class World:
    """All there is: the files, the manager's process, the jobs, and the faults still to come."""

    files: Files
    manager: int
    jobs: tuple[Job, ...]
    faults: int


def with_job(world: World, number: int, job: Job) -> World:
    jobs = world.jobs
    return replace(world, jobs=(*jobs[:number], job, *jobs[number + 1 :]))


def events_of(world: World) -> list[ev.Event]:
    text = dict(world.files)[JOURNAL]
    return _parsed(text)


_cache: dict[str, list[ev.Event]] = {}


def _parsed(text: str) -> list[ev.Event]:
    if text not in _cache:
        _cache[text] = [ev.from_record(json.loads(line)) for line in text.splitlines()]
    return _cache[text]
