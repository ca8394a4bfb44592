"""Several campaigns compared: the best so far over time or cost, over repeated seeds."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from hpo.errors import SettingsError
from hpo.folder.campaign import require
from hpo.folder.journal import read_through
from hpo.record.goal import Goal
from hpo.report.axes import LOG_DECADES, dress, legend_above, new_axes, plain, time_unit, words
from hpo.report.page.history import History, follow
from hpo.report.page.sources import Plan
from hpo.report.shown_frames import ShownFrame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POINTS = 300  # at which the campaigns of a group are compared
Over = Literal["time", "hours"]
Folders = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Run:
    """One campaign of a comparison.

    Attributes:
        label: of its group.
        folder: its output directory.
        at: when the best became another one (s of wall-clock time since the campaign started, or
            hours of GPUs, or of jobs without one), rising.
        best: what it was from then on.
        end: until when is known, on the same scale.
    """

    label: str
    folder: Path
    at: tuple[float, ...]
    best: tuple[float, ...]
    end: float


@dataclass(frozen=True)
class Comparison:
    """What `compare` gives.

    Attributes:
        frame: one row for each group and moment: label, at (s, or hours), median, lower and upper
            quartile, and n, the campaigns that had a result by then.
        runs: the campaigns as they were read.
    """

    frame: pd.DataFrame
    runs: tuple[Run, ...]
    goal: Goal
    over: Over
    gpus: bool

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the medians, and the range between the quartiles; needs the extra `report`.

        Raises:
            MissingExtraError: matplotlib is not installed.
        """
        ax = ax or new_axes()
        end = max((run.end for run in self.runs), default=0.0)
        name, unit = time_unit(end) if self.over == "time" else ("", 1.0)
        hours = "GPU-hours" if self.gpus else "job-hours"
        xlabel = f"wall-clock time since the start ({name})" if self.over == "time" else hours
        dress(ax, xlabel, f"best {words(self.goal.metric)} so far")
        for label in dict.fromkeys(run.label for run in self.runs):
            mine = self.frame[self.frame["label"] == label]
            count = sum(run.label == label for run in self.runs)
            told = f"{plain(label)} ({count} {'campaign' if count == 1 else 'campaigns'})"
            x = mine["at"] / unit
            (line,) = ax.step(x, mine["median"], where="post", linewidth=2, label=told)
            if count > 1:
                ax.fill_between(
                    x,
                    mine["lower"],
                    mine["upper"],
                    step="post",
                    alpha=0.2,
                    linewidth=0,
                    color=line.get_color(),
                )
        values = self.frame[["lower", "upper"]].to_numpy(float).ravel()
        values = values[np.isfinite(values)]
        if len(values) and values.min() > 0:
            is_log = np.log10(values.max() / values.min()) > LOG_DECADES
            ax.set_yscale("log" if is_log else "linear")
        ax.set_xlim(left=0, auto=None)
        legend_above(ax)
        return ax


def compare(
    campaigns: Folders | Iterable[Folders] | Mapping[str, Iterable[Folders]],
    *,
    over: Over = "time",
) -> Comparison:
    """Compare campaigns: the median of the best so far, and its quartiles, over repeated seeds.

    Args:
        campaigns: their output directories; or for each label those that belong together. Without
            labels those belong together that have the same name, searcher and scheduler.
        over: "time" for wall-clock time since each campaign's start (s), "hours" for hours of GPUs
            (of jobs, where they have none).

    Example:
        >>> found = compare({"ASHA": ["asha_0", "asha_1"], "random": ["r_0"]})  # doctest: +SKIP
        >>> found.plot().figure.savefig("comparison.pdf")  # doctest: +SKIP

    Raises:
        SettingsError: one of them is no campaign, or they do not compare by the same metric.
        JournalError: one's journal is damaged.
    """
    if over not in ("time", "hours"):
        raise SettingsError([f'over={over!r}: must be "time" or "hours"'], where="hpo.compare")
    labelled = _labelled(campaigns)
    runs: list[Run] = []
    plans: list[Plan] = []
    problems: list[str] = []
    for label, folder in labelled:
        try:
            layout, document = require(folder)
        except SettingsError as err:
            problems += err.problems
            continue
        plan = Plan.of(document)
        history = read_through(layout.journal, partial(follow, goal=plan.goal))
        plans.append(plan)
        runs.append(_run(label or _own_label(document), folder, history, plan, over))
    goals = {(plan.goal.metric, plan.goal.mode) for plan in plans}
    if len(goals) > 1:
        told = ", ".join(f"{mode} of {metric}" for metric, mode in sorted(goals))
        problems.append(f"the campaigns do not compare: {told}")
    if not labelled:
        problems.append("no campaign was named")
    if problems:
        raise SettingsError(problems, where="hpo.compare")
    goal = plans[0].goal
    frame = ShownFrame(pd.concat([_group(label, runs, goal) for label in _labels(runs)]))
    is_of_gpus = any(plan.gpus for plan in plans)
    return Comparison(frame.reset_index(drop=True), tuple(runs), goal, over, is_of_gpus)


def _labelled(
    campaigns: Folders | Iterable[Folders] | Mapping[str, Iterable[Folders]],
) -> list[tuple[str | None, Path]]:
    if isinstance(campaigns, (str, os.PathLike)):
        return [(None, Path(campaigns))]
    if not isinstance(campaigns, Mapping):
        return [(None, Path(folder)) for folder in campaigns]
    return [
        (str(label), Path(folder))
        for label, folders in campaigns.items()
        for folder in ([folders] if isinstance(folders, (str, os.PathLike)) else folders)
    ]


def _own_label(document: Mapping[str, Any]) -> str:
    """Name, searcher and scheduler: what repeated seeds have in common."""
    settings, identity = document["settings"], document["identity"]
    searcher, scheduler = identity.get("searcher"), identity.get("scheduler")
    how = "random" if searcher is None else str(searcher)
    kind = scheduler.get("type") if isinstance(scheduler, dict) else None
    return f"{settings.get('name')}, {how}" + ("" if kind is None else f", {kind}")


def _run(label: str, folder: Path, history: History, plan: Plan, over: Over) -> Run:
    begin = history.state.started_at or 0.0
    factor = max(1, plan.gpus) / 3600.0

    def place(time: float, seat_s: float) -> float:
        return max(0.0, time - begin) if over == "time" else seat_s * factor

    # In order, also where a clock was set back.
    at = np.maximum.accumulate([place(one.time, one.seat_s) for one in history.incumbents] or [0.0])
    end = place(history.latest or begin, history.state.seat_seconds)
    best = tuple(one.value for one in history.incumbents)
    return Run(label, folder, tuple(at.tolist())[: len(best)], best, max(end, float(at[-1])))


def _labels(runs: Sequence[Run]) -> list[str]:
    return list(dict.fromkeys(run.label for run in runs))


def _group(label: str, runs: Sequence[Run], goal: Goal) -> pd.DataFrame:
    """The rows of a group, from where half of its campaigns have a result.

    One that has ended keeps its best: whoever looks later finds it so.
    """
    mine = [run for run in runs if run.label == label]
    last = max(run.end for run in mine)
    changes = np.unique([time for run in mine for time in run.at] or [0.0])
    if len(changes) > POINTS:
        changes = changes[np.linspace(0, len(changes) - 1, POINTS).astype(int)]
    at = np.unique([*changes, last])
    values = np.full((len(mine), len(at)), np.nan)
    for row, run in enumerate(mine):
        if run.best:
            place = np.searchsorted(run.at, at, side="right") - 1
            known = np.array(run.best)[np.maximum(place, 0)]
            values[row] = np.where(place >= 0, known, np.nan)
    # What has no result yet is worse than all: a median over the others would be too good.
    keys = np.sort(np.where(np.isnan(values), np.inf, goal.sign * values), axis=0)
    lower, median, upper = (goal.sign * _quantile(keys, part) for part in (1, 2, 3))
    if goal.sign < 0:
        lower, upper = upper, lower
    frame = pd.DataFrame({"label": label, "at": at, "median": median, "lower": lower})
    frame["upper"] = upper
    frame["n"] = np.isfinite(values).sum(axis=0)
    return frame.replace([np.inf, -np.inf], np.nan)


def _quantile(ordered: Any, quarters: int) -> Any:
    """Of each column, also where some are infinite: numpy would make them NaN."""
    place, rest = divmod(len(ordered) * quarters, 4)
    return ordered[place] if rest else (ordered[place - 1] + ordered[place]) / 2
