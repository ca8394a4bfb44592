"""Importance: which hyperparameters decided the results."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from hpo.report.axes import dress, plain
from hpo.report.page.importance import Importance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_BARS = 20
LINE = 82  # letters above the bars


def draw_importance(ax: Axes, importance: Importance) -> None:
    """Draw a bar for each hyperparameter, the largest on top."""
    shares = importance.shares[:MOST_BARS]
    places = range(len(shares))
    ax.barh(places, [share for _, share in shares], height=0.65, color="#0072b2")
    for place, (_, share) in zip(places, shares, strict=True):
        ax.annotate(
            f"{share:.0%}",
            (share, place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )
    dress(ax, "share of the importance", "", grid="x")
    ax.set_yticks(places, [plain(name) for name, _ in shares])
    ax.invert_yaxis()
    ax.margins(x=0.12)
    ax.set_xlim(left=0)
    text = "\n".join(textwrap.wrap(plain(importance.text), LINE))
    ax.set_title(text, loc="left", fontsize="small")
