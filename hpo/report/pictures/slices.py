"""Slices: what trials came to against each hyperparameter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hpo.record.goal import Goal
from hpo.record.state import TrialState
from hpo.report.axes import BEST, MOST_VECTORS, dress, plain, size_of, words
from hpo.report.page.hyperparameters import Hyperparameter
from hpo.report.page.scales import axis_of
from hpo.report.pictures.rungs import GOLDEN, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_PANELS = 16
COLUMNS = 4
MOST_TICKS = 12
MOST_LETTERS = 14
MARGIN = 0.04  # of the axis, on both sides
NAMED_LEVELS = 8  # resources that a legend tells apart; more have a colour bar


def draw_slices(
    figure: Figure,
    found: Sequence[Hyperparameter],
    trials: Sequence[TrialState],
    goal: Goal,
    best: int | None,
) -> None:
    """Draw one panel for each of `found`, whose values are those of `trials`, in order.

    The colour is the resource at which a trial came to its value: those of different rungs do not
    compare.
    """
    shown = found[:MOST_PANELS]
    rows = -(-len(shown) // COLUMNS)
    columns = -(-len(shown) // rows)
    figure.set_size_inches(2.6 * columns + 0.9, 2.3 * rows + 0.5)
    panels = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    error = np.array([np.nan if t.metric is None else t.metric for t in trials], dtype=float)
    levels = sorted({t.resource for t in trials if t.metric is not None})
    colour_of = _colours(len(levels))
    place = np.array([levels.index(t.resource) if t.metric is not None else -1 for t in trials])
    axis = axis_of(error[np.isfinite(error)].tolist(), goal)
    for ax, one in zip(panels, shown, strict=False):
        x = _positions(one, [t.trial_id for t in trials])
        for number in range(len(levels)):
            _dots(ax, x[place == number], error[place == number], colour_of[number], len(trials))
        star = [i for i, t in enumerate(trials) if t.trial_id == best]
        style: dict[str, Any] = {"color": BEST, "markersize": 11, "markeredgecolor": "white"}
        ax.plot(x[star], error[star], "*", zorder=4, **style)
        dress(ax, plain(one.name), "")
        _scale(ax, one)
    for ax in panels[len(shown) :]:
        ax.set_visible(False)
    for ax in panels[::columns]:
        ax.set_ylabel(words(goal.metric))
    if axis is not None:
        panels[0].set_yscale("log" if axis.is_log else "linear")
        panels[0].set_ylim(axis.low, axis.high)
    _legend(figure, panels, levels, colour_of, goal)


def _dots(ax: Axes, x: Any, y: Any, colour: Any, count: int) -> None:
    size = size_of(4.5, count, room=250, least=1.3)
    style: dict[str, Any] = {"markersize": size, "markeredgewidth": 0, "alpha": 0.8}
    ax.plot(x, y, "o", color=colour, rasterized=count > MOST_VECTORS / COLUMNS, **style)


def _positions(one: Hyperparameter, trial_ids: Sequence[int]) -> Any:
    values = np.array([np.nan if v is None else v for v in one.values], dtype=float)
    if not one.labels:
        return values
    return values + WIDTH * (np.array(trial_ids, dtype=float) * GOLDEN % 1.0 - 0.5)


def _scale(ax: Axes, one: Hyperparameter) -> None:
    if one.labels:
        step = max(1, -(-len(one.labels) // MOST_TICKS))
        ticks = range(0, len(one.labels), step)
        texts = [_short(one.labels[i]) for i in ticks]
        is_wide = sum(map(len, texts)) > 22
        turned: dict[str, Any] = {"rotation": 30, "ha": "right"} if is_wide else {}
        ax.set_xticks(list(ticks), texts, fontsize="small", **turned)
        ax.set_xlim(-0.6, len(one.labels) - 0.4)
        return
    if one.is_log:
        ax.set_xscale("log")
    low, high = one.low or 0.0, one.high or 0.0
    if low < high:  # the whole domain, so that an end that is best is seen to be one
        share = (high / low) ** MARGIN if one.is_log else 1.0
        edge = 0.0 if one.is_log else MARGIN * (high - low)
        ax.set_xlim(low / share - edge, high * share + edge)


def _short(label: str) -> str:
    text = plain(label)
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"


def _colours(count: int) -> Any:
    import matplotlib as mpl

    # Without viridis' yellow end, which cannot be seen on white paper.
    return mpl.colormaps["viridis"](np.linspace(0.9, 0.05, count) if count > 1 else [0.45])


def _legend(figure: Figure, panels: Any, levels: Sequence[int], colours: Any, goal: Goal) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.lines import Line2D

    if len(levels) > NAMED_LEVELS:
        scale = Normalize(levels[0], levels[-1])
        bar = figure.colorbar(ScalarMappable(scale, ListedColormap(colours)), ax=panels.tolist())
        bar.set_label(f"{words(goal.resource)} of the value")
        return
    dots = [
        Line2D([], [], marker="o", linestyle="", color=colour, label=f"{words(goal.resource)} {at}")
        for at, colour in zip(levels, colours, strict=True)
    ]
    star = Line2D([], [], marker="*", linestyle="", color=BEST, markersize=10, label="best trial")
    figure.legend(
        handles=[*dots, star],
        loc="outside upper left",
        ncols=len(dots) + 1,
        frameon=False,
        fontsize="small",
    )
