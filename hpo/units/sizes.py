"""Sizes of seats: how much memory and time one has, and which offers it may take.

In classes, so that seats stay interchangeable and arrays few. Memory is in MB, time limits in min.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass

TIMES_MIN = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720, 1080, 1440, 2160, 2880)
JOB_START_S = 60  # from the start of a job to its first look for an offer, on a slow network disk


@dataclass(frozen=True, slots=True)
class Size:
    """What a seat has or an offer needs, from the offer to the submission.

    Attributes:
        mem_mb: memory (MB); None: nothing was said of it. For a seat the settings say it then, and
            for an offer any is enough: it is less than whatever somebody asks for.
        time_min: time limit (min); None: likewise.
    """

    mem_mb: int | None = None
    time_min: int | None = None

    @property
    def rank(self) -> tuple[int, int]:
        """Its place among all sizes, by memory first; what nothing was said of is the least."""
        return self.mem_mb or 0, self.time_min or 0

    def __lt__(self, other: Size) -> bool:
        return self.rank < other.rank

    def __str__(self) -> str:
        """For people; empty where the settings say it all."""
        sizes = [f"{self.time_min} min"] if self.time_min is not None else []
        return " and ".join([*sizes, f"{self.mem_mb} MB"] if self.mem_mb is not None else sizes)

    def covers(self, need: Size) -> bool:
        """Whether a seat of this size may take an offer of that need."""
        mine, theirs = self.rank, need.rank
        return mine[0] >= theirs[0] and mine[1] >= theirs[1]

    def known_or(self, other: Size) -> Size:
        """The same, with what `other` says where nothing was said."""
        return Size(
            other.mem_mb if self.mem_mb is None else self.mem_mb,
            other.time_min if self.time_min is None else self.time_min,
        )


DEFAULT_SIZE = Size()  # what the settings say


def missing(needs: Mapping[Size, int], free: Mapping[Size, int]) -> dict[Size, int]:
    """How many offers find no seat among the free ones, by what they need.

    Each free seat serves one. The needs with the most memory choose first, and of the seats that
    have it the one with the least time that is enough: so that no choice of seats serves more.
    """
    missing: dict[Size, int] = {}
    seats = sorted(free, reverse=True)
    able: list[tuple[int, int]] = []  # (time, count) of seats with enough memory, shortest first
    for need in sorted(needs, reverse=True):
        least_mb, least_min = need.rank
        while seats and seats[0].rank[0] >= least_mb:
            seat = seats.pop(0)
            if free[seat] > 0:
                insort(able, (seat.rank[1], free[seat]))
        wanted = needs[need]
        place = bisect_left(able, (least_min, 0))
        while wanted and place < len(able):
            time_min, count = able.pop(place)
            taken = min(count, wanted)
            wanted -= taken
            if count > taken:
                able.insert(place, (time_min, count - taken))
        if wanted:
            missing[need] = wanted
    return missing


def most_common(legs: Mapping[Size, int]) -> Size:
    """The size that most legs need; of as many, the larger one. Without any, the settings'."""
    return max(legs, key=lambda size: (legs[size], size), default=DEFAULT_SIZE)


def warning_s(time_min: int) -> int:
    """How long before its end a job is asked to save and leave: a tenth, 30 s to 5 min."""
    return int(min(300, max(30, 6 * time_min)))


def limit_s(time_min: int | None) -> int | None:
    """A time limit (min) in seconds."""
    return None if time_min is None else 60 * time_min


def usable_s(time_min: int) -> int:
    """For how long a leg may run in a new seat with that time limit (s), before it has to leave."""
    return max(1, 60 * time_min - warning_s(time_min) - JOB_START_S)


def time_class(time_s: int, max_time_min: int) -> int:
    """The least time limit (min) in which a leg of `time_s` ends; at most `max_time_min`."""
    classes = time_classes(max_time_min)
    return next((time_min for time_min in classes if usable_s(time_min) >= time_s), classes[-1])


def time_classes(max_time_min: int) -> tuple[int, ...]:
    """All time limits (min) that seats may ask for."""
    return (*(time_min for time_min in TIMES_MIN if time_min < max_time_min), max_time_min)


def longer_class(time_min: int | None) -> int | None:
    """The least time limit (min) of twice `time_min`; None stays None."""
    if time_min is None:
        return None
    return next((longer for longer in TIMES_MIN if longer >= 2 * time_min), 2 * time_min)


def mem_class(mem_mb: float) -> int:
    """The memory (MB) to ask for where `mem_mb` is needed: in steps of 256 MB, then of more."""
    step = 256 if mem_mb <= 2048 else 512 if mem_mb <= 8192 else 1024
    return int(-(-mem_mb // step) * step)
