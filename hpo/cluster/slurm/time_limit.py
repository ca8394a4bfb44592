"""The time limit that a new job can use: within the partition's, and over before a maintenance.

Owns the decision only. Pure: no calls, no clock. A job whose limit reaches into a maintenance never
starts before it, however long its nodes are idle until then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpo.cluster.slurm.windows import Maintenance, Partition
from hpo.units.duration import in_words

MARGIN_S = 120.0  # between the end of a job and the maintenance
LEAST_MIN = 10  # a shorter job is not worth its start
LEAST_SHARE = 0.05  # of the time that was asked for, likewise
AFFECTED_SHARE = 0.5  # of its nodes that a maintenance takes from a partition to matter


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """What to ask for, in minutes; `usual` is what it is without a maintenance.

    `why` says for people what stands in the way, empty where nothing does.
    """

    minutes: int
    usual: int
    why: str = ""


def fit_time(
    asked_min: int,
    partitions: Sequence[Partition],
    maintenance: Sequence[Maintenance],
    now: float,
    *,
    margin_s: float = MARGIN_S,
    least_min: int = LEAST_MIN,
) -> TimeLimit:
    """The time limit for a job that may run in any of `partitions`, asked for at `now`."""
    usual, why = asked_min, ""
    limits = [partition.max_min for partition in partitions]
    largest = max((limit for limit in limits if limit is not None), default=None)
    if largest is not None and None not in limits and largest < asked_min:
        names = ", ".join(partition.name for partition in partitions)
        usual, why = largest, f"partition {names} allows no more than {in_words(60 * largest)}"
    first = _next_maintenance(partitions, maintenance, now)
    if first is None:
        return TimeLimit(usual, usual, why)
    left = int((first.start - margin_s - now) // 60)
    if left >= usual:
        return TimeLimit(usual, usual, why)
    when = f"maintenance {first.name} begins at {first.begins.replace('T', ' ')}"
    if left < max(least_min, LEAST_SHARE * usual):
        return TimeLimit(usual, usual, f"{when}: too little is left, jobs wait until it is over")
    return TimeLimit(left, usual, when)


def _next_maintenance(
    partitions: Sequence[Partition], maintenance: Sequence[Maintenance], now: float
) -> Maintenance | None:
    """The one after which no partition is left; None while one is free of any."""
    firsts = []
    for partition in partitions:
        ahead = [m for m in maintenance if m.start > now and _takes(m, partition)]
        if not ahead:
            return None
        firsts.append(min(ahead, key=lambda m: m.start))
    return max(firsts, key=lambda m: m.start, default=None)


def _takes(maintenance: Maintenance, partition: Partition) -> bool:
    """Whether it takes so many nodes that waiting for the others is no choice."""
    shared = len(maintenance.nodes & partition.nodes)
    return bool(shared) and shared >= AFFECTED_SHARE * len(partition.nodes)
