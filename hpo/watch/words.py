"""What the screen says, as lines of spans: texts with the role that they play.

A role is a colour on most terminals and nothing on others, so that the text says all of it, too.
Every text of a user has passed `hpo.shown` before it is a span; nothing of it is read as markup.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.cells import cell_len, chop_cells, set_cell_size

from hpo.manager.liveness import Life
from hpo.record.state import TrialStatus
from hpo.report.status_document import RunningTrial, Status
from hpo.shown import one_line
from hpo.units.duration import in_words
from hpo.watch.drawing import curve, number
from hpo.watch.follower import News
from hpo.watch.selected import SelectedTrial, is_number

PLAIN, GOOD, BAD, WARN, DIM, HEAD, BEST = "", "good", "bad", "warn", "dim", "head", "best"
Span = tuple[str, str]
Line = list[Span]

ROLES = {
    TrialStatus.CLAIMED.value: GOOD,
    TrialStatus.FAILED.value: BAD,
    TrialStatus.STOPPED.value: WARN,
    TrialStatus.OFFERED.value: DIM,
    TrialStatus.WAITING.value: DIM,
}
STAMP = 16  # cells that the time takes before what happened then
REASONS = 3
LEAST_ROOM = 24  # cells that an indent leaves


def line(text: str, role: str = PLAIN) -> Line:
    """One span."""
    return [(text, role)]


def cut(spans: Line, width: int) -> Line:
    """As much of it as fits; `…` where something is left out."""
    kept: Line = []
    room = width
    for text, role in spans:
        size = cell_len(text)
        if size <= room:
            kept.append((text, role))
            room -= size
            continue
        if room > 0:
            kept.append((set_cell_size(text, room - 1) + "…", role))
        break
    return kept


def wrapped(text: str, width: int, role: str = PLAIN, *, hang: int | None = None) -> list[Line]:
    """The text in lines of at most `width` cells.

    Those after the first are indented by `hang` cells, or as the first one is.
    """
    if cell_len(text) <= width:
        return [line(text, role)]
    bare = text.lstrip(" ")
    first = len(text) - len(bare)
    most = max(0, width - LEAST_ROOM)
    first, rest = min(first, most), min(first if hang is None else hang, most)
    pieces = _pieces(bare, max(4, width - first), max(4, width - rest))
    return [line(" " * (rest if n else first) + piece, role) for n, piece in enumerate(pieces)]


def _pieces(text: str, first: int, rest: int) -> list[str]:
    """At blanks, where there are some; the first piece has another room than the others."""
    pieces: list[str] = []
    now = ""
    for word in text.split(" "):
        room = rest if pieces else first
        longer = f"{now} {word}" if now else word
        if cell_len(longer) <= room:
            now = longer
            continue
        if now:
            pieces.append(now)
        *full, now = chop_cells(word, min(first, rest)) or [""]
        pieces += full
    return [*pieces, now]


def clock(at: float, now: float) -> str:
    """The time of a day, with the date where it is another one."""
    form = "%H:%M" if abs(at - now) < 12 * 3600 else "%m-%d %H:%M"
    return time.strftime(form, time.localtime(at))


def ago(seconds: float) -> str:
    """How long something has been so, coarse, so that it does not change with each look."""
    if seconds < 60:
        return "<1 min"
    if seconds < 10 * 3600:
        return in_words(seconds // 60 * 60) if seconds >= 120 else "1 min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} d"


def hours(found: float) -> str:
    """Hours, with two digits where there are few."""
    return f"{found:.1f}" if found >= 10 else f"{found:.2g}"


def head(news: News, now: float) -> list[Line]:
    """The three lines above all: who it is and whether it lives; its trials; its best and cost."""
    return [_first(news, now), _second(news), _third(news, now)]


def _first(news: News, now: float) -> Line:
    name: Span = (one_line(news.root.resolve().name), HEAD)
    if news.trouble:
        return [name, ("  cannot be read on: ", BAD), (one_line(news.trouble), BAD)]
    if news.left_bytes:
        return [name, (f"  reading its journal, {news.left_bytes / 1e6:.0f} MB to go", WARN)]
    start, latest = news.started_at, news.latest
    if news.ended is not None:
        took = "" if start is None or latest is None else f" after {in_words(latest - start)}"
        return [name, (f"  ended{took}: {one_line(news.ended)}", PLAIN)]
    if start is None:
        return [name, ("  nothing has happened yet", DIM), *_manager(news, now)]
    ending = "" if news.ending is None else f", ending ({one_line(news.ending)})"
    since = "" if _is_virtual(news) else f" {in_words(max(0.0, now - start))}"
    return [name, (f"  running{since}{ending}", PLAIN), *_manager(news, now)]


def _is_virtual(news: News) -> bool:
    return news.start is not None and news.start.executor == "simulated"


def _manager(news: News, now: float) -> Line:
    manager = news.manager
    who = f"manager job {one_line(manager.job_id)}" if manager.job_id else "manager"
    who += f" on {one_line(manager.host)}" if manager.host else ""
    gone = manager.seen_at is not None and not _is_virtual(news)
    since = f" since {clock(manager.seen_at or 0.0, now)}" if gone else ""
    match manager.life:
        case Life.LIVES:
            return [(f"; {who}, alive", PLAIN)]
        case Life.DEAD:
            return [(f"; its {who} is DEAD{since}: `hpo run` goes on", BAD)]
        case Life.NONE:
            return [(f"; NO MANAGER{since}: `hpo run` goes on", BAD)]
        case _:
            return [(f"; NO SIGN of its {who}{since}", BAD)]


def _second(news: News) -> Line:
    counts = news.counts
    status = news.status
    total = sum(counts.values())
    planned = status.n_trials if status is not None else None
    of = f" of {planned}" if planned is not None and planned != total else ""
    spans: Line = [(f"{total}{of} trials", HEAD)]
    order = ("running", "offered", "waiting", "paused", "completed", "failed", "stopped")
    for index, state in enumerate(s for s in order if counts.get(s)):
        spans += [
            (", " if index else ": ", PLAIN),
            (f"{counts[state]} {state}", ROLES.get(state, "")),
        ]
    if status is not None and news.ended is None:
        spans.append((f"; {jobs_in_words(status)}", PLAIN))
    return spans


def jobs_in_words(status: Status) -> str:
    """What runs and waits, and why."""
    jobs = status.jobs
    text = f"jobs: {jobs.running} run"
    if not jobs.queued:
        return f"{text}, none waits"
    settings = [one_line(reason.setting) for reason in jobs.reasons if reason.setting]
    return f"{text}, {jobs.queued} wait" + (f" -> {', '.join(settings)}" if settings else "")


def _third(news: News, now: float) -> Line:
    spans: Line = []
    if news.best is not None and news.best.value is not None:
        best, goal = news.best, news.goal
        at = f"trial {best.trial_id}, {one_line(goal.resource)} {best.reached}"
        spans += [(f"best {one_line(goal.metric)} ", PLAIN), (f"{best.value:.6g}", BEST)]
        spans.append((f" ({at})", PLAIN))
    else:
        spans.append(("no result yet", DIM))
    status = news.status
    if status is not None and status.hours is not None:
        unit = "GPU-h" if status.hours_of == "GPUs" else "job-h"
        lost = f", {hours(status.lost_hours)} lost" if status.lost_hours else ""
        spans.append((f"; {hours(status.hours)} {unit}{lost}", PLAIN))
    if status is not None and status.forecast is not None and news.ended is None:
        end = status.forecast
        text = f"; ends about {clock(end.end, now)}"
        band = clock(end.earliest, now), clock(end.latest, now)
        if band[0] != band[1]:
            text += f" ({band[0]}-{band[1]})"
        spans.append((text, PLAIN))
    return spans


def story(trial: SelectedTrial | None, width: int) -> list[Line]:
    """What happened to the trial that is looked at; its configuration last."""
    if trial is None:
        return [line("no trial yet", DIM)]
    lines: list[Line] = []
    for text in trial.story:
        hang = STAMP if text[:1].isdigit() else None
        lines += wrapped(text, width, _role_of(text), hang=hang)
    return lines + wrapped("with " + "  ".join(trial.config), width, DIM)


def _role_of(text: str) -> str:
    if text.startswith("now: "):
        return HEAD
    bare = text.lstrip()
    if bare.startswith(("| ", "> ")):
        return DIM
    words = bare.split("  ", 1)[-1]
    if words.startswith(("failed", "decided: failed")):
        return BAD
    return WARN if words.startswith(("lost", "decided: stopped")) else PLAIN


def reports(trial: SelectedTrial | None, news: News, width: int, height: int) -> list[Line]:
    """What it reported, as a curve; below it all of its last report."""
    if trial is None:
        return [line("no trial yet", DIM)]
    goal = news.goal
    metric = one_line(goal.metric)
    if not trial.reports:
        return [line(f"trial {trial.trial_id} has reported no finite {metric} yet", DIM)]
    at, value = trial.reports[-1]
    title = f"{metric} of trial {trial.trial_id}: {value:.6g} at {one_line(goal.resource)} {at:g}"
    best = min(trial.reports, key=lambda point: goal.key(point[1]))
    if best[0] != at:
        title += f", best {best[1]:.6g} at {best[0]:g}"
    last = [
        f"{one_line(name)} {found:.6g}"
        for name, found in trial.last.items()
        if is_number(found) and name not in (goal.metric, goal.resource, "time", "elapsed")
    ]
    below = wrapped("last report: " + ", ".join(last), width, DIM) if last else []
    below = below[: max(0, height - 6)]
    drawn = curve(trial.reports, width, height - 1 - len(below))
    return [line(title, HEAD), *(line(text) for text in drawn), *below]


def log(lines: Sequence[str], path: object, width: int) -> list[Line]:
    """The last lines of a log, under its path."""
    if path is None:
        return [line("no job has taken it yet", DIM)]
    found = wrapped(one_line(path), width, DIM)
    for text in lines:
        found += wrapped(text, width)
    return found if lines else [*found, line("(empty)", DIM)]


def seats(news: News, now: float, width: int, height: int) -> list[Line]:
    """How many legs ran, over time; what runs, and for what the rest waits."""
    lines: list[Line] = []
    status = news.status
    if status is not None and news.ended is None:
        lines += wrapped(jobs_in_words(status), width, HEAD)
        for reason in status.jobs.reasons[:REASONS]:
            told = f"  {reason.count} {one_line(reason.text or reason.reason)}"
            told += f" -> {one_line(reason.setting)}" if reason.setting else ""
            lines += wrapped(told, width, DIM)
        lines += [
            line(f"  node {one_line(q.node)} is left alone until {clock(q.until, now)}", WARN)
            for q in status.quarantined
        ]
    points = [(seat.time, float(seat.running)) for seat in news.seats]
    if points and news.started_at is not None:
        end = now if news.ended is None and not _is_virtual(news) else news.latest or now
        points.append((max(end, points[-1][0]), points[-1][1]))
        # With few lines at least the curve is seen; what runs can be scrolled to.
        room = max(5, min(12, height - len(lines) - 1))
        lines.append(line("trials that ran at once:", DIM))
        lines += [
            line(text)
            for text in curve(
                points,
                width,
                room,
                steps=True,
                filled=True,
                from_zero=True,
                name_x=lambda at: clock(at, now),
            )
        ]
    else:
        lines.append(line("no trial has run yet", DIM))
    if status is not None:
        lines += [cut(line(_running(told, news, now)), width) for told in status.running]
        if status.running_left_out:
            lines.append(line(f"and {status.running_left_out} more", DIM))
    return lines


def _running(told: RunningTrial, news: News, now: float) -> str:
    text = f"trial {told.trial_id}"
    text += f", job {one_line(told.job_id)}" if told.job_id else ""
    text += f" on {one_line(told.node)}" if told.node else ""
    if told.since is not None and not _is_virtual(news):
        text += f", for {ago(now - told.since)}"
    if told.resource is not None:
        target = f" of {told.target}" if told.target is not None else ""
        text += f", {one_line(news.goal.resource)} {told.resource}{target}"
    return text + (f", {told.error:.6g}" if told.error is not None else "")


def best(news: News, now: float, width: int, height: int) -> list[Line]:
    """The incumbent over time, and its configuration."""
    if news.best is None:
        return [line("no result yet", DIM)]
    trial_id = news.best.trial_id
    lines = [line(f"best {one_line(news.goal.metric)} over time; now trial {trial_id}:", HEAD)]
    points = [(step.time, step.error) for step in news.incumbents]
    if points:
        end = now if news.ended is None and not _is_virtual(news) else news.latest or now
        points.append((max(end, points[-1][0]), points[-1][1]))
        room = max(5, min(14, height - 1 - min(3, len(news.best.flat_config))))
        drawn = curve(points, width, room, steps=True, name_x=lambda at: clock(at, now))
        lines += [line(text) for text in drawn]
    values = news.best.flat_config.items()
    lines += wrapped("  ".join(one_line(f"{name}={value!r}") for name, value in values), width)
    return lines


def value(found: object) -> str:
    """A hyperparameter, as short as a column is."""
    if isinstance(found, float):
        return number(found)
    return one_line(found if isinstance(found, str) else repr(found))
