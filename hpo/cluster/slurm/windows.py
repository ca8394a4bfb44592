"""What a partition allows and when its nodes are taken for maintenance, as scontrol tells.

Owns the parsing of `scontrol show partition -o` and `scontrol show reservation -o`. Pure: no calls,
no clock. A line of another shape is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from hpo.units.slurm import parse_time_min

_FIELD = re.compile(r"(\w+)=(\S*)")
_GROUP = re.compile(r"([^\[\],]*)\[([\d,-]+)\](.*)")
_MOST_NODES = 100_000


@dataclass(frozen=True, slots=True)
class Partition:
    """A partition; `max_min` is its time limit in minutes, None for none."""

    name: str
    max_min: int | None
    nodes: frozenset[str]
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A reservation for maintenance, from `start` (s, Unix; `begins` as SLURM writes it)."""

    name: str
    start: float
    begins: str
    nodes: frozenset[str]


def read_partitions(text: str) -> list[Partition]:
    """The partitions that `scontrol show partition -o` lists."""
    found = []
    for fields in _records(text):
        name, limit = fields.get("PartitionName"), fields.get("MaxTime", "")
        if not name:
            continue
        try:
            max_min = None if limit in ("UNLIMITED", "INFINITE", "") else parse_time_min(limit)
        except ValueError:
            max_min = None
        nodes = expand(fields.get("Nodes", ""))
        found.append(Partition(name, max_min, nodes, fields.get("Default") == "YES"))
    return found


def read_maintenance(text: str) -> list[Maintenance]:
    """The reservations with the flag MAINT that `scontrol show reservation -o` lists.

    Others belong to somebody's jobs, and may go on for years.
    """
    found = []
    for fields in _records(text):
        begins = fields.get("StartTime", "")
        if "MAINT" not in fields.get("Flags", "").split(","):
            continue
        try:
            # SLURM writes the local time of this machine, without a zone.
            start = datetime.fromisoformat(begins).timestamp()
        except (ValueError, OverflowError, OSError):
            continue
        nodes = expand(fields.get("Nodes", ""))
        found.append(Maintenance(fields.get("ReservationName", ""), start, begins, nodes))
    return found


def expand(hostlist: str) -> frozenset[str]:
    """The nodes of a list such as `gpu[001-003,7],login1`; empty where it is none."""
    if hostlist in ("", "(null)", "ALL"):
        return frozenset()
    try:
        # Commas within brackets separate numbers, not nodes.
        return frozenset(n for part in re.split(r",(?![^\[]*\])", hostlist) for n in _expand(part))
    except ValueError:
        return frozenset()


def _expand(part: str) -> Iterator[str]:
    match = _GROUP.fullmatch(part)
    if match is None:
        yield part
        return
    before, numbers, after = match.groups()
    ends = list(_expand(after))
    for span in numbers.split(","):
        first, _, last = span.partition("-")
        low, high = int(first), int(last or first)
        if high - low > _MOST_NODES:
            raise ValueError(f"more nodes than any cluster has: {span}")
        for number in range(low, high + 1):
            yield from (f"{before}{number:0{len(first)}d}{end}" for end in ends)


def _records(text: str) -> Iterator[dict[str, str]]:
    for line in text.splitlines():
        yield dict(_FIELD.findall(line))
