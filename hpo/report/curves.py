"""A campaign's frames as what pictures are drawn from: one curve per trial, and the incumbent."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from hpo.record.goal import Goal
from hpo.report.axes import words
from hpo.report.frames import CampaignResults, report_column

Numbers: TypeAlias = npt.NDArray[np.float64]

SAME_START_S = 0.05  # reports of one attempt agree on its start up to rounding


@dataclass(frozen=True, slots=True)
class Curve:
    """What one trial reported, in order of time; only finite values."""

    trial_id: int
    time: Numbers
    """Seconds since the campaign's first trial started."""
    value: Numbers
    start: Numbers
    """Of the attempt that reported, on the same clock."""
    error: float
    """What the trial is worth; NaN if it failed or that is not finite."""
    at: float
    """When that was reported; NaN if it never was."""
    is_failed: bool
    is_diverged: bool
    """Whether its last report is not finite."""

    def attempts(self) -> Iterator[slice]:
        """The parts that were trained in one go."""
        cuts = np.flatnonzero(np.abs(np.diff(self.start)) > SAME_START_S) + 1
        ends = [*cuts.tolist(), len(self.time)]
        for first, end in zip([0, *ends], ends, strict=False):
            yield slice(first, end)


@dataclass(frozen=True, slots=True)
class Curves:
    """All trials of a campaign that have a result file."""

    goal: Goal
    every: tuple[Curve, ...]
    """In order of their numbers, also those without any finite report."""
    end: float
    """Time of the last report (s)."""

    @property
    def metric(self) -> str:
        """The compared metric, in words; nothing of it is a formula to matplotlib."""
        return words(self.goal.metric)

    @property
    def drawn(self) -> list[Curve]:
        """Those that have a point to draw."""
        return [curve for curve in self.every if len(curve.time)]

    @property
    def ended(self) -> list[Curve]:
        """Those with a result that can be compared."""
        return [curve for curve in self.drawn if np.isfinite(curve.error)]

    @property
    def best(self) -> Curve | None:
        """The trial with the best result; of equal ones that which was there first."""
        key = min(((self.goal.key(c.error), c.at, c.trial_id) for c in self.ended), default=None)
        return next((c for c in self.drawn if key is not None and c.trial_id == key[2]), None)

    def incumbent(self) -> tuple[Numbers, Numbers]:
        """Times of all finite reports, and what the best trial was worth at each.

        Of trials that failed, or diverged where the last report counts, nothing is left.
        """
        last_counts = self.goal.trial_value == "last"
        counted = [c for c in self.drawn if not (c.is_failed or (last_counts and c.is_diverged))]
        time = np.concatenate([np.empty(0), *(curve.time for curve in counted)])
        value = np.concatenate([np.empty(0), *(curve.value for curve in counted)])
        owner = np.repeat([c.trial_id for c in counted], [len(c.time) for c in counted])
        order = np.argsort(time, kind="stable")
        sign = self.goal.sign
        keys = sign * value[order]
        if last_counts:
            return time[order], sign * _best_of_latest(keys, owner[order])
        return time[order], sign * np.minimum.accumulate(keys)


def _best_of_latest(keys: Numbers, owner: npt.NDArray[np.int64]) -> Numbers:
    """At each report the smallest key among the latest of each owner."""
    latest: dict[int, float] = {}
    heap: list[tuple[float, int]] = []
    best = np.empty(len(keys))
    for index, (key, trial) in enumerate(zip(keys.tolist(), owner.tolist(), strict=True)):
        latest[trial] = key
        heapq.heappush(heap, (key, trial))
        while latest[heap[0][1]] != heap[0][0]:
            heapq.heappop(heap)
        best[index] = heap[0][0]
    return best


def read_curves(results: CampaignResults) -> Curves:
    """Sort a campaign's reports into curves."""
    known = results.settings.get("hpo")
    settings = known if isinstance(known, dict) else {}
    goal = Goal(
        str(settings.get("metric", "validation_error")),
        settings.get("mode", "min"),
        trial_value=settings.get("trial_value", "last"),
    )
    trials, reports = results.trials, results.reports
    names = ("wallclock", "elapsed", report_column(goal.metric))
    time, elapsed, value = (_numbers(reports, name) for name in names)
    end = float(time.max()) if len(time) else 0.0
    place = np.asarray(trials.index.get_indexer(_numbers(reports, "trial_id")))
    # By time and not as they lie there: clocks of nodes differ, and curves run forwards.
    order = np.lexsort((time, place))
    order = order[place[order] >= 0]
    place, time, value = place[order], time[order], value[order]
    start = time - np.nan_to_num(elapsed[order])
    numbers = np.arange(len(trials))
    finite = np.isfinite(value)
    is_diverged = np.zeros(len(trials), bool)
    is_diverged[place] = ~finite  # of each trial the last one stays
    place, time, value, start = place[finite], time[finite], value[finite], start[finite]
    firsts, ends = (np.searchsorted(place, numbers, side) for side in ("left", "right"))
    is_failed = np.array([status == "failed" for status in trials["status"]], bool)
    worth = np.where(is_failed, np.nan, _numbers(trials, "error"))
    at = _times_of(worth, place, time, value)
    columns = (trials.index, firsts, ends, worth, at, is_failed, is_diverged)
    every = tuple(
        Curve(
            trial_id=trial_id,
            time=time[first:last],
            value=value[first:last],
            start=start[first:last],
            error=error,
            at=when,
            is_failed=failed,
            is_diverged=diverged,
        )
        for trial_id, first, last, error, when, failed, diverged in zip(
            *(column.tolist() for column in columns), strict=True
        )
    )
    return Curves(goal=goal, every=every, end=end)


def _times_of(
    worth: Numbers, place: npt.NDArray[np.intp], time: Numbers, value: Numbers
) -> Numbers:
    """When each curve was last at what its trial is worth; its end where rounding hides that."""
    at = np.full(len(worth), np.nan)
    at[place] = time  # of each trial the last one stays
    same = value == worth[place]
    at[place[same]] = time[same]
    return at


def _numbers(frame: pd.DataFrame, name: str) -> Numbers:
    """A column as floats; NaN for what is no number, and where there is no such column."""
    if name not in frame:
        return np.full(len(frame), np.nan)
    return np.asarray(pd.to_numeric(frame[name], errors="coerce"), dtype=np.float64)
