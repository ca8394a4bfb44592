"""A started campaign as text, and as a small table with the incumbent's curve for notebooks.

All text may be users': one filter for terminals, and escaped where it would be markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from hpo.report.narration import describe
from hpo.report.status_document import Status, Step
from hpo.shown import one_line
from hpo.units.duration import in_words

WIDTH, HEIGHT, EDGE = 320, 96, 4  # of the curve, in pixels
ORDER = ("completed", "running", "paused", "offered", "failed", "stopped")


def as_html(folder: Path, standing: str, status: Status | None) -> str:
    """A table, and beside it the curve where there is one."""
    left = 'style="text-align:left"'
    rows = "".join(
        f"<tr><th {left}>{escape(name)}</th><td {left}>{escape(value)}</td></tr>"
        for name, value in _rows(folder, standing, status)
    )
    curve = "" if status is None else _curve(status)
    return f"<table>{rows}</table>{curve}"


def _rows(folder: Path, standing: str, status: Status | None) -> list[tuple[str, str]]:
    rows = [("campaign", str(folder)), ("state", standing)]
    if status is not None:
        rows.append(("trials", _trials(status)))
        if status.best_trial_id is not None and status.best_error is not None:
            best = f"{status.best_error:.6g} (trial {status.best_trial_id})"
            rows.append((f"best {status.metric}", best))
            if status.best_config:
                rows.append(("configuration", describe(status.best_config)))
        if status.forecast is not None and status.updated is not None and not status.ended:
            left_s = max(0.0, status.forecast.end - status.updated)
            rows.append(("to go", f"about {in_words(left_s)}"))
        rows += [("failed", f"{f.count} of {f.cause}: {f.message}") for f in status.failures[:1]]
    return [(one_line(name), one_line(value)) for name, value in rows]


def _trials(status: Status) -> str:
    counts = {name: status.trials[name] for name in ORDER if status.trials.get(name)}
    claimed = status.trials.get("claimed", 0)
    if claimed and "running" not in counts:
        counts["running"] = claimed
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    of = "" if status.n_trials is None else f" (of {status.n_trials})"
    return (told or "none yet") + of


def _curve(status: Status) -> str:
    """The incumbent's metric over time as SVG in the text's own colour."""
    points = [step for step in status.incumbent if step.time is not None]
    if not points:
        return ""
    end = max(status.updated or points[-1].time, points[-1].time)
    path = _path(points, end)
    first, last = points[0].error, points[-1].error
    title = (
        f"best {status.metric} over time, from {first:.4g} to {last:.4g} "
        f"in {in_words(end - points[0].time)}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" fill="none" stroke="currentColor">'
        f"<title>{escape(one_line(title))}</title>"
        f'<path d="{path}" stroke-width="2"/></svg>'
    )


def _path(points: Sequence[Step], end: float) -> str:
    """Steps from left to right; a better value is lower for `min`, and higher for `max`."""
    begin = points[0].time
    errors = [step.error for step in points]
    low, high = min(errors), max(errors)
    parts: list[str] = []
    for step in points:
        x = EDGE + (WIDTH - 2 * EDGE) * (step.time - begin) / max(end - begin, 1e-9)
        y = HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (step.error - low) / max(high - low, 1e-300)
        parts.append(f"H{x:.1f}V{y:.1f}" if parts else f"M{x:.1f} {y:.1f}")
    return "".join(parts) + f"H{WIDTH - EDGE}"
