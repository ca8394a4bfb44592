"""A plan as a picture: hours and cost of each row, one dot for each seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.plan.plan import Plan, Row
from hpo.shown import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUIET, STRONG = "0.6", "#0072b2"


def draw(plan: Plan, path: Path) -> None:
    """Write the picture; its kind follows from the name.

    Raises:
        ImportError: matplotlib is not installed.
        OSError: the file cannot be written.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    height = 1.6 + 0.42 * len(plan.rows)
    figure, axes = plt.subplots(1, 2, figsize=(9.5, height), layout="constrained", sharey=True)
    gpus = max(1, plan.spec.slurm.gpus)
    _bars(axes[0], plan.rows, lambda row: [plan.scale * o.time_s / 3600.0 for o in row.outcomes])
    _bars(
        axes[1],
        plan.rows,
        lambda row: [plan.scale * gpus * o.held_s / 3600.0 for o in row.outcomes],
    )
    axes[0].set_xlabel("hours until the campaign has ended")
    axes[1].set_xlabel("GPU-hours charged" if plan.spec.slurm.gpus else "job-hours charged")
    axes[0].set_yticks(range(len(plan.rows)), [row.variant.name for row in plan.rows])
    axes[0].invert_yaxis()
    name = one_line(plan.spec.name).replace("$", r"\$")
    figure.suptitle(
        f"{name}: {plan.spec.hpo.n_trials} trials on {plan.assumptions.seats} seats",
        fontsize="medium",
    )
    try:
        figure.savefig(path, dpi=130)
    finally:
        plt.close(figure)


def _bars(axes: Axes, rows: Sequence[Row], values_of: Callable[[Row], list[float]]) -> None:
    for place, row in enumerate(rows):
        values = sorted(values_of(row))
        middle = values[len(values) // 2]
        axes.barh(place, middle, height=0.62, color=QUIET if place else STRONG, alpha=0.85)
        if len(values) > 1:
            axes.plot(values, [place] * len(values), "o", color="black", markersize=3.5)
        text = f"{middle:.0f}" if middle >= 100 else f"{middle:.3g}"
        axes.annotate(
            text, (values[-1], place), (7, 0), textcoords="offset points", va="center", fontsize=9
        )
    axes.margins(x=0.12)
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="x", alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
