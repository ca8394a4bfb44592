"""How all pictures look that matplotlib draws: axes, units, legends, text that is no formula.

matplotlib is imported inside, because whoever loads a campaign for its frames should not pay for
it; its global settings are the user's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hpo.report import MissingExtraError
from hpo.shown import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TIME_UNITS = (("days", 86_400.0), ("h", 3_600.0), ("min", 60.0))
LOG_DECADES = 2.0  # a linear axis shows no difference within the lower of two decades
MOST_VECTORS = 5_000  # points that are drawn as such into a pdf or svg
BEST = "C1"
BAD = "#c1121f"
QUIET = "#9a9a9a"
LEAST_MARK = 3.5  # of a legend (points)


def new_axes() -> Axes:
    """The axes of a new figure of the user's pyplot.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib import pyplot
    except ImportError as err:
        raise missing_matplotlib("plots") from err
    _, ax = pyplot.subplots(figsize=(6.4, 4.0), layout="constrained")
    return ax


def missing_matplotlib(what: str) -> MissingExtraError:
    """The error that says how to get it."""
    return MissingExtraError(
        f"{what} need matplotlib, which is not installed: pip install 'hpo-campaign[report]'"
    )


def time_unit(seconds: float) -> tuple[str, float]:
    """The name of a unit for an axis of this length, and its own length (s)."""
    # A unit is used from twice its length on, or the axis has one number.
    fits = [(name, length) for name, length in TIME_UNITS if seconds >= 2 * length]
    return fits[0] if fits else ("s", 1.0)


def words(name: str) -> str:
    """A name as people read it; nothing of it is a formula to matplotlib."""
    return plain(name).replace("_", " ")


def plain(text: object) -> str:
    """Text of a user's on one line, which matplotlib takes as it is."""
    return one_line(text).replace("$", r"\$")


def dress(ax: Axes, xlabel: str, ylabel: str, *, grid: Literal["both", "x", "y"] = "both") -> None:
    """Write the labels, and take away what is not needed."""
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis=grid, alpha=0.25, linewidth=0.6)
    ax.set_axisbelow(True)


def legend_above(ax: Axes) -> None:
    """The legend, above the axes, because a search leaves no corner free of points."""
    from matplotlib.lines import Line2D

    labels = ax.get_legend_handles_labels()[1]
    if not labels:
        return
    letters = 20 * ax.bbox.width / ax.figure.dpi  # that fit beside each other, about
    columns = max(1, int(letters / (6 + max(map(len, labels)))))
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "ncols": columns}
    legend = ax.legend(frameon=False, fontsize="small", **place)
    for handle in legend.legend_handles:  # what is small among many is to be seen alone
        if isinstance(handle, Line2D):
            handle.set_markersize(max(LEAST_MARK, handle.get_markersize()))


def size_of(usual: float, count: int, *, room: int, least: float) -> float:
    """Of a mark or line (points): smaller where there are more than there is `room` for."""
    return float(np.clip(usual * np.sqrt(room / max(count, 1)), least, usual))
