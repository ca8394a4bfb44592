"""All pictures of a campaign, as files."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.folder import opening
from hpo.folder.files import Layout, read_object
from hpo.folder.journal import read_through
from hpo.report.axes import missing_matplotlib
from hpo.report.frames import load_campaign
from hpo.report.page.history import History, follow
from hpo.report.page.hyperparameters import columns
from hpo.report.page.importance import importance_of
from hpo.report.page.lanes import lay
from hpo.report.page.model import started
from hpo.report.page.sources import Plan

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("pdf", "png", "svg")
DPI = 200  # of png, and of what is too much for lines in the others


@dataclass(frozen=True, slots=True)
class Picture:
    """One of them: its name, and either how it is drawn or why there is none."""

    name: str
    draw: Callable[[Figure], object] | None = None
    why_not: str = ""


def pictures(layout: Layout, document: Mapping[str, Any]) -> Iterator[Picture]:
    """The pictures of the campaign whose campaign.json is `document`, in the order of their use.

    Raises:
        MissingExtraError: matplotlib is not installed.
        JournalError: the journal is damaged.
        OSError: the files cannot be read now.
    """
    try:
        import matplotlib as mpl  # noqa: F401
    except ImportError as err:
        raise missing_matplotlib("pictures") from err
    results = load_campaign(layout.root)
    plan = Plan.of(document)
    history = read_through(layout.journal, lambda events: follow(events, plan.goal))
    yield Picture("incumbent", lambda figure: results.plot(figure.subplots()))
    yield Picture("learning_curves", lambda f: results.plot_learning_curves(f.subplots()))
    yield _rungs(history, plan)
    yield _seats(layout, history)
    yield _slices(history, plan)
    yield _importance(history, plan)


def write(picture: Picture, folder: Path, kind: str) -> Path:
    """Draw it into a file of this kind (see FORMATS), which is replaced at once; where.

    Raises:
        OSError: it cannot be written.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    assert picture.draw is not None
    buffer = io.BytesIO()
    # Letters that can be searched for, and changed by whoever sets the paper.
    with mpl.rc_context({"pdf.fonttype": 42, "svg.fonttype": "none"}):
        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        picture.draw(figure)
        figure.savefig(buffer, format=kind, dpi=DPI)
    name = f"{picture.name}.{kind}"
    temporary = f".{name}.{os.getpid()}.tmp"
    with opening.opened(folder) as home:
        try:
            with os.fdopen(opening.create_in(home, temporary), "wb") as file:
                file.write(buffer.getbuffer())
            os.replace(temporary, name, src_dir_fd=home, dst_dir_fd=home)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=home)
    return folder / name


def _rungs(history: History, plan: Plan) -> Picture:
    from hpo.report.pictures.rungs import draw_rungs

    if not plan.levels:
        return Picture("rungs", why_not="the campaign has none: each trial is trained to its end")
    if not history.measured:
        return Picture("rungs", why_not="no trial has a result yet")
    return Picture("rungs", lambda f: draw_rungs(f.subplots(), history, plan.levels))


def _seats(layout: Layout, history: History) -> Picture:
    from hpo.report.pictures.seats import draw_running, draw_seats

    begin, latest = history.state.started_at, history.latest
    if not history.legs or begin is None or latest is None:
        return Picture("seats", why_not="no job has taken a trial yet")
    end = latest
    if history.state.ended is None:  # until its manager was last seen
        seen = read_object(layout.status).get("updated")
        end = max(latest, seen) if isinstance(seen, (int, float)) and seen < 1e11 else latest

    lanes = lay(history.legs, history.offers, begin, end, history.state.pace.start_up_s())

    def draw(figure: Figure) -> None:
        height = 0.9 + 0.16 * lanes.shown
        figure.set_size_inches(6.4, 2.1 + height)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.6, height))
        draw_running(above, history, begin, end)
        draw_seats(below, lanes, begin, end)

    return Picture("seats", draw)


def _slices(history: History, plan: Plan) -> Picture:
    from hpo.report.pictures.slices import draw_slices

    state = history.state
    trials = [trial for trial in started(state) if trial.metric is not None]
    found, _ = columns(plan.space, [trial.config for trial in trials])
    if not trials:
        return Picture("slices", why_not="no trial has a result yet")
    if not found:
        return Picture("slices", why_not="no hyperparameter is searched")
    draw = partial(draw_slices, found=found, trials=trials, goal=state.goal, best=state.best_trial)
    return Picture("slices", draw)


def _importance(history: History, plan: Plan) -> Picture:
    from hpo.report.pictures.importance import draw_importance

    importance = importance_of(history.state, plan.space, plan.levels)
    if not importance.shares:
        return Picture("importance", why_not=importance.text)

    def draw(figure: Figure) -> None:
        figure.set_size_inches(6.4, 1.5 + 0.3 * min(len(importance.shares), 20))
        draw_importance(figure.subplots(), importance)

    return Picture("importance", draw)
