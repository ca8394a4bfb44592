"""Seats over time: how many jobs trained, and what each seat did when it did not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hpo.report.axes import dress, legend_above, time_unit
from hpo.report.page.history import History
from hpo.report.page.lanes import IDLE, PREEMPTED, RUNS, STARTING, WAITING, Lanes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS = {
    RUNS: ("trains", "#0072b2"),
    STARTING: ("starts", "#8ecae6"),
    WAITING: ("waits for a job", "#e9c46a"),
    PREEMPTED: ("was taken by others", "#c1121f"),
    IDLE: ("nothing to do", "#e5e5e5"),
}


def draw_running(ax: Axes, history: History, begin: float, end: float) -> None:
    """Draw how many jobs trained at each moment."""
    from matplotlib.ticker import MaxNLocator

    starts = np.array([leg.start for leg in history.legs])
    ends = np.array([leg.end for leg in history.legs if not math.isinf(leg.end)])
    times = np.concatenate([[begin], starts, ends, [end]])
    changes = np.repeat([0, 1, -1, 0], [1, len(starts), len(ends), 1])
    order = np.lexsort((changes, times))
    number = np.cumsum(changes[order])
    _, unit = time_unit(end - begin)
    x = (times[order] - begin) / unit
    ax.fill_between(x, number, step="post", color=LOOKS[RUNS][1], alpha=0.25, linewidth=0)
    ax.step(x, number, where="post", color=LOOKS[RUNS][1], linewidth=1)
    dress(ax, "", "jobs that train")
    ax.set_ylim(0, max(1.0, 1.08 * float(number.max())))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def draw_seats(ax: Axes, lanes: Lanes, begin: float, end: float) -> None:
    """Draw a lane for each job that ran at once, and what its gaps were."""
    from matplotlib.ticker import MaxNLocator

    name, unit = time_unit(end - begin)
    for kind, (label, colour) in LOOKS.items():
        found = [part for part in lanes.segments if part.kind == kind]
        style: dict[str, Any] = {"facecolors": colour, "linewidths": 0, "label": label}
        for lane in sorted({part.lane for part in found}):
            spans = [
                ((part.start - begin) / unit, (part.end - part.start) / unit)
                for part in found
                if part.lane == lane
            ]
            ax.broken_barh(spans, (lane - 0.4, 0.8), **style)
            style["label"] = None
    shown = "" if lanes.shown == lanes.lanes else f" (the first {lanes.shown} of {lanes.lanes})"
    dress(ax, f"wall-clock time since the campaign started ({name})", f"seat{shown}", grid="x")
    ax.set_ylim(max(lanes.shown, 1) - 0.4, -0.6)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set_xlim(0, max((end - begin) / unit, 1e-9))
    legend_above(ax)
