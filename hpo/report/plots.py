"""The two pictures of a search over wall-clock time: the incumbent, and every learning curve.

The caller gets the Axes and saves its figure. matplotlib is imported inside, because whoever loads
a campaign for its frames should not pay for it; its global settings are the user's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hpo.report.axes import (
    BAD,
    LOG_DECADES,
    MOST_VECTORS,
    QUIET,
    dress,
    legend_above,
    new_axes,
    size_of,
    time_unit,
)
from hpo.report.curves import SAME_START_S, Curve, Curves, Numbers, read_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpo.report.frames import CampaignResults

NAMED_CURVES = 10  # as many colours as people can tell apart, and as a legend has room for


def plot_incumbent(results: CampaignResults, ax: Axes | None = None) -> Axes:
    """Draw what the best trial was worth over wall-clock time, and what each trial came to.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    ax = ax or new_axes()
    curves = read_curves(results)
    unit = _dress(ax, curves, curves.metric)
    time, value = curves.incumbent()
    if not len(value):
        return _say_nothing_yet(ax, curves)
    # To the last news of any kind: after the last improvement the incumbent still stands.
    time, value = np.append(time, curves.end), np.append(value, value[-1])
    ax.step(time / unit, value, where="post", linewidth=2, zorder=3, label="best trial so far")
    shown = _draw_results(ax, curves, value, unit)
    if (best := curves.best) is not None:
        style: dict[str, Any] = {"color": "C1", "markersize": 13, "markeredgecolor": "white"}
        label = f"best trial: {best.trial_id}, {curves.metric} {best.error:.4g}"
        ax.plot([best.at / unit], [best.error], "*", zorder=4, label=label, **style)
    _finish(ax, np.concatenate([value, shown]))
    return ax


def plot_learning_curves(results: CampaignResults, ax: Axes | None = None) -> Axes:
    """Draw the metric of every trial over wall-clock time, one colour per trial.

    Dotted lines join the attempts of a trial that was paused or interrupted. The best trial is
    drawn thicker; a cross is where a failed trial was last seen.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    ax = ax or new_axes()
    curves = read_curves(results)
    unit = _dress(ax, curves, curves.metric)
    if not curves.drawn:
        return _say_nothing_yet(ax, curves)
    best = curves.best
    colours = _colours(ax, [curve.trial_id for curve in curves.drawn])
    if best is not None and len(colours) > NAMED_CURVES:
        colours[best.trial_id] = "C1"  # as in the other picture; the colour bar has no such colour
    # Many points need small marks: the curve has to stay visible between them.
    n_points = sum(len(curve.time) for curve in curves.drawn)
    size = size_of(4.5, n_points, room=180, least=0.6)
    width = size_of(1.1, len(curves.drawn), room=300, least=0.25)
    alone = curves.drawn if len(curves.drawn) <= NAMED_CURVES else [best] if best else []
    if len(alone) < len(curves.drawn):
        many = [curve for curve in curves.drawn if curve is not best]
        _draw_many(ax, many, unit, [colours[curve.trial_id] for curve in many], size, width)
    for curve in alone:
        style: dict[str, Any] = {"color": colours[curve.trial_id], "markersize": size}
        if curve is best:
            style |= {"linewidth": 2.6, "markersize": 1.3 * max(1.5, size), "zorder": 4}
        name = f"trial {curve.trial_id}" + (", the best" if curve is best else "")
        _draw_curve(ax, curve, unit, {"linewidth": 1.1} | style, name)
    _mark_bad_ends(ax, curves, unit)
    _finish(ax, np.concatenate([curve.value for curve in curves.drawn]))
    return ax


def _draw_results(ax: Axes, curves: Curves, incumbent: Numbers, unit: float) -> Numbers:
    """Draw what each trial came to; return the values at which it was drawn.

    Some trials may be so bad that the incumbent would be a flat line beside them. What is out of
    its range, and twice as far from the best as the median, is an arrow at the edge.
    """
    errors = np.array([curve.error for curve in curves.ended])
    times = np.array([curve.at / unit for curve in curves.ended])
    if not len(errors):
        return errors
    sign = curves.goal.sign
    edge = np.max(sign * np.array([*incumbent, 2 * np.median(errors) - incumbent[-1]]))
    shown = sign * np.minimum(sign * errors, edge)
    inside = shown == errors
    size = size_of(4, len(errors), room=500, least=1.3)
    style: dict[str, Any] = {"color": QUIET, "markersize": size, "linestyle": ""}
    style["rasterized"] = len(errors) > MOST_VECTORS
    label = f"{curves.goal.trial_value} report of a trial"
    ax.plot(times[inside], shown[inside], marker="o", label=label, **style)
    if not inside.all():
        arrow = "v" if sign < 0 else "^"
        label = "the same, beyond this axis"
        ax.plot(times[~inside], shown[~inside], marker=arrow, label=label, **style)
    return np.asarray(shown, dtype=np.float64)


def _draw_curve(
    ax: Axes, curve: Curve, unit: float, style: dict[str, Any], name: str | None
) -> None:
    for index, part in enumerate(curve.attempts()):
        label = name if index == 0 else None
        ax.plot(curve.time[part] / unit, curve.value[part], "o-", label=label, **style)
        if index:
            gap = slice(part.start - 1, part.start + 1)
            thin = style | {"linewidth": 1.0, "markersize": 0}
            ax.plot(curve.time[gap] / unit, curve.value[gap], ":", **thin)


def _draw_many(
    ax: Axes,
    many: Sequence[Curve],
    unit: float,
    colours: Sequence[Any],
    size: float,
    width: float,
) -> None:
    """The same as three artists, whatever the number of curves, which may be tens of thousands."""
    from matplotlib.collections import LineCollection

    lengths = [len(curve.time) for curve in many]
    points = np.column_stack(
        [
            np.concatenate([curve.time for curve in many]) / unit,
            np.concatenate([curve.value for curve in many]),
        ]
    )
    start = np.concatenate([curve.start for curve in many])
    owner = np.repeat(np.arange(len(many)), lengths)
    is_same = owner[1:] == owner[:-1]
    is_gap = is_same & (np.abs(np.diff(start)) > SAME_START_S)
    cuts = np.flatnonzero(is_gap | ~is_same) + 1
    colour = np.asarray(colours)
    # As a vector graphic, a page of so many points takes minutes to open.
    style: dict[str, Any] = {"rasterized": len(points) > MOST_VECTORS}
    firsts = np.concatenate([[0], cuts])
    lines = np.split(points, cuts)
    ax.add_collection(
        LineCollection(lines, colors=colour[owner[firsts]], linewidths=width, **style)
    )
    gaps = np.flatnonzero(is_gap)
    pairs = np.stack([points[gaps], points[gaps + 1]], axis=1)
    thin: dict[str, Any] = {"linestyles": ":", "linewidths": 0.9 * width} | style
    ax.add_collection(LineCollection(list(pairs), colors=colour[owner[gaps]], **thin))
    x, y = points.T
    ax.scatter(x, y, s=size**2, c=colour[owner], linewidths=0, zorder=2, **style)


def _mark_bad_ends(ax: Axes, curves: Curves, unit: float) -> None:
    failed = [curve for curve in curves.every if curve.is_failed]
    diverged = [curve for curve in curves.every if curve.is_diverged and not curve.is_failed]
    for group, marker, seen_as, unseen_as in (
        (failed, "X", "failed", "failed before a report"),
        (diverged, "v", "not finite from here on", "never finite"),
    ):
        seen = [curve for curve in group if len(curve.time)]
        if seen:
            large = size_of(9, len(seen), room=30, least=3.5)
            ax.plot(
                [curve.time[-1] / unit for curve in seen],
                [curve.value[-1] for curve in seen],
                marker,
                color=BAD,
                markeredgecolor="white",
                markeredgewidth=large / 9,
                markersize=large,
                zorder=5,
                label=seen_as,
            )
        if n_unseen := len(group) - len(seen):
            ax.plot([], [], " ", label=f"{n_unseen} {unseen_as}")


def _colours(ax: Axes, trial_ids: list[int]) -> dict[int, Any]:
    """One colour per trial: named in the legend when there are few, else by a colour bar."""
    import matplotlib as mpl
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize
    from matplotlib.ticker import MaxNLocator

    if len(trial_ids) <= NAMED_CURVES:
        return {trial_id: f"C{index}" for index, trial_id in enumerate(trial_ids)}
    # Without viridis' yellow end, which cannot be seen on white paper.
    colours = ListedColormap(mpl.colormaps["viridis"](np.linspace(0, 0.92, 256)))
    scale = Normalize(trial_ids[0], trial_ids[-1])
    if (figure := ax.get_figure()) is not None:
        whole = MaxNLocator(integer=True)
        bar = figure.colorbar(ScalarMappable(scale, colours), ax=ax, ticks=whole)
        bar.set_label("trial number")
    return dict(zip(trial_ids, colours(scale(np.asarray(trial_ids))), strict=True))


def _dress(ax: Axes, curves: Curves, words: str) -> float:
    """Write the labels; return the seconds in a unit of the time axis."""
    name, length = time_unit(curves.end)
    dress(ax, f"wall-clock time since the first trial started ({name})", words)
    return length


def _say_nothing_yet(ax: Axes, curves: Curves) -> Axes:
    n_failed = sum(curve.is_failed for curve in curves.every)
    text = f"no trial with a finite {curves.metric} yet" + (
        f"; {n_failed} failed" if n_failed else ""
    )
    ax.set_xticks([])
    ax.set_yticks([])
    ax.text(0.5, 0.5, text, ha="center", va="center", color="0.4", transform=ax.transAxes)
    return ax


def _finish(ax: Axes, values: Numbers) -> None:
    """Set the limits and the scale, which follow from what was drawn, and add the legend."""
    # From 0, so that the wait for the first report is seen.
    ax.set_xlim(left=0, auto=None)
    low, high = float(values.min()), float(values.max())
    if low > 0 and np.log10(high / low) > LOG_DECADES:
        ax.set_yscale("log")
    legend_above(ax)
