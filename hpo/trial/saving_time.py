"""How long a trial takes to save, beside its training: said once where it is the longer part."""

from __future__ import annotations

import math

LONG_S = 20.0  # of saving, before anything is said
SAVES = 3
SHARE = 0.1  # of the training, that saving should take at most


class SavingTime:
    """Of one attempt; times are in s."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._saves = 0
        self._first: int | None = None  # the resource of the first save
        self._last = 0
        self._is_told = False

    def add(self, seconds: float, resource: int) -> None:
        """Another checkpoint, at `resource`, took so long."""
        self._seconds += seconds
        self._saves += 1
        self._first = resource if self._first is None else self._first
        self._last = resource

    def complaint(self, passed_s: float, interval: int, unit: str) -> str | None:
        """What to say, once, after `passed_s` of the attempt with its `checkpoint_interval`."""
        training_s = passed_s - self._seconds
        few = self._saves < SAVES or self._seconds < LONG_S
        if self._is_told or few or training_s >= self._seconds or not interval:
            return None
        self._is_told = True
        units = max(1, self._last - (self._first or 0)) * self._saves / (self._saves - 1)
        each_s, unit_s = self._seconds / self._saves, max(training_s, 1e-3) / units
        wanted = max(interval + 1, math.ceil(each_s / (SHARE * unit_s)))
        return (
            f"saving takes longer than training, {self._seconds:.0f} of {passed_s:.0f} s so far:"
            f" with `checkpoint_interval: {wanted}` (now {interval}; in {unit}s) it would take a"
            " tenth of it; a job that is asked to leave saves all the same"
        )
