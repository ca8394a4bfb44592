"""Times and memory sizes as SLURM writes them, and their values in minutes and megabytes."""

from __future__ import annotations

import math
import re

_TIME = re.compile(
    r"(?P<days>\d+)-(?P<dh>\d+)(:(?P<dm>\d+)(:(?P<ds>\d+))?)?"
    r"|(?P<h>\d+):(?P<hm>\d+):(?P<hs>\d+)"
    r"|(?P<m>\d+)(:(?P<ms>\d+))?"
)
_MEMORY = re.compile(r"(?P<amount>\d+)(?P<unit>[KMGT])B?", re.IGNORECASE)
_MB_PER_UNIT = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024 * 1024}


def parse_time_min(text: str) -> int:
    """A SLURM time limit in minutes, rounded up as SLURM does.

    Raises:
        ValueError: `text` is no time limit.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"must be a time such as '2:00:00' (hours:minutes:seconds), '1-12' (days-hours) "
            f"or 90 (minutes), not {text!r}"
        )
    part = {name: int(value or 0) for name, value in match.groupdict().items()}
    hours = 24 * part["days"] + part["dh"] + part["h"]
    minutes = 60 * hours + part["dm"] + part["hm"] + part["m"]
    seconds = part["ds"] + part["hs"] + part["ms"]
    total = minutes + math.ceil(seconds / 60)
    if total == 0:
        raise ValueError(f"must be longer than 0, not {text!r}")
    return total


def parse_memory_mb(text: str) -> int:
    """A memory size such as '16G' in megabytes (of 1024 kilobytes), rounded up.

    Raises:
        ValueError: `text` is no size with a unit, or is 0.
    """
    match = _MEMORY.fullmatch(text.strip())
    if match is None or int(match["amount"]) == 0:
        raise ValueError(f"must be a size with a unit, such as '16G' or '800M', not {text!r}")
    return math.ceil(int(match["amount"]) * _MB_PER_UNIT[match["unit"].upper()])


def time_text(minutes: int) -> str:
    """A time limit as SLURM reads it."""
    hours, rest = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}-{hours:02}:{rest:02}:00" if days else f"{hours}:{rest:02}:00"


def memory_text(mem_mb: int) -> str:
    """A memory size (MB) as SLURM reads it."""
    return f"{mem_mb // 1024}G" if mem_mb % 1024 == 0 else f"{mem_mb}M"
