"""Rungs: what each trial was worth at each of them, and which went on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hpo.report.axes import MOST_VECTORS, QUIET, dress, legend_above, size_of, words
from hpo.report.page.history import History
from hpo.report.page.scales import axis_of
from hpo.report.page.words import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GOLDEN = 0.6180339887  # its multiples spread evenly, so that dots beside each other are seen
WIDTH = 0.6
WENT_ON = "#0072b2"


def draw_rungs(ax: Axes, history: History, levels: tuple[int, ...]) -> None:
    """Draw one column for each rung, a dot for each result; lines join those that went on."""
    goal = history.state.goal
    promoted = {
        (number, trial_id)
        for (_, number), rung in history.state.rungs.items()
        for trial_id in rung.promoted
    }
    told = [one for one in history.measured if one.rung < len(levels)]
    by_trial: dict[int, list[tuple[float, float]]] = {}
    for one in told:
        place = one.rung + WIDTH * (one.trial_id * GOLDEN % 1.0 - 0.5)
        by_trial.setdefault(one.trial_id, []).append((place, one.value))
    style: dict[str, Any] = {"rasterized": len(told) > MOST_VECTORS}
    _join([points for points in by_trial.values() if len(points) > 1], ax, style)
    size = size_of(5, len(told), room=250, least=1.3)
    for went_on, colour, label in ((False, QUIET, "ended here"), (True, WENT_ON, "went on")):
        points = [
            (one.rung + WIDTH * (one.trial_id * GOLDEN % 1.0 - 0.5), one.value)
            for one in told
            if ((one.rung, one.trial_id) in promoted) is went_on
        ]
        if points:
            x, y = np.array(points).T
            more: dict[str, Any] = {"markersize": size, "markeredgewidth": 0} | style
            ax.plot(x, y, "o", color=colour, label=label, zorder=3, **more)
    counts = [sum(one.rung == number for one in told) for number in range(len(levels))]
    ticks = [f"{at}\n{count(n, 'result')}" for at, n in zip(levels, counts, strict=True)]
    xlabel = f"{words(goal.resource)} at which trials are compared"
    dress(ax, xlabel, words(goal.metric), grid="y")
    ax.set_xticks(range(len(levels)), ticks)
    ax.set_xlim(-0.5, len(levels) - 0.5)
    if (axis := axis_of([one.value for one in told], goal)) is not None:
        ax.set_yscale("log" if axis.is_log else "linear")
        ax.set_ylim(axis.low, axis.high)
    legend_above(ax)


def _join(trials: list[list[tuple[float, float]]], ax: Axes, style: dict[str, Any]) -> None:
    from matplotlib.collections import LineCollection

    width = size_of(0.8, len(trials), room=100, least=0.2)
    ax.add_collection(
        LineCollection(trials, colors=WENT_ON, alpha=0.35, linewidths=width, zorder=2, **style)
    )
