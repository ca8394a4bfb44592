"""Axes that show most of the values well, and units of time. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hpo.record.goal import Goal

_DECADES = 1.0  # of what is not the worst tenth, from which on an axis is logarithmic
_FAR = 3.0  # times the spread of most values beyond them: what is farther is drawn at the edge


@dataclass(frozen=True, slots=True)
class Axis:
    """From `low` to `high`; `outside` values are worse than what is shown."""

    is_log: bool
    low: float
    high: float
    outside: int


def axis_of(values: Sequence[float], goal: Goal) -> Axis | None:
    """The axis for finite values of the metric; None: there is none."""
    if not values:
        return None
    ordered = sorted(values, key=goal.key)
    best, usual = ordered[0], ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    is_log = min(ordered[0], ordered[-1]) > 0 and abs(math.log10(usual / best)) > _DECADES
    told = [math.log10(value) for value in ordered] if is_log else ordered
    keys = [goal.sign * value for value in told]
    spread = keys[min(len(keys) - 1, int(0.9 * len(keys)))] - keys[0]
    limit = keys[0] + spread * (1 + _FAR)
    inside = [key for key in keys if key <= limit] if spread > 0 else keys
    edges = sorted((goal.sign * inside[0], goal.sign * inside[-1]))
    margin = 0.04 * (edges[1] - edges[0]) or 0.05 * abs(edges[0]) or 0.5
    low, high = edges[0] - margin, edges[1] + margin
    if is_log:
        low, high = 10**low, 10**high
    elif min(ordered[0], ordered[-1]) >= 0:
        low = max(0.0, low)
    return Axis(is_log, low, high, len(keys) - len(inside))


@dataclass(frozen=True, slots=True)
class TimeUnit:
    """A unit of time that gives readable numbers, and how many seconds it has."""

    name: str
    seconds: float


def unit_of(seconds: float) -> TimeUnit:
    """The unit for a span of time."""
    if seconds < 180:
        return TimeUnit("s", 1.0)
    if seconds < 3 * 3600:
        return TimeUnit("min", 60.0)
    return TimeUnit("h", 3600.0) if seconds < 4 * 86400 else TimeUnit("days", 86400.0)


def hours_text(hours: float) -> str:
    """Hours with as many places as they need."""
    return f"{hours:.1f}" if hours >= 10 else f"{hours:.2f}" if hours >= 0.1 else f"{hours:.2g}"
