"""A campaign's status as lines for a terminal: what `hpo status` prints.

Owns the words and what fits on a line. Nothing of users' text is obeyed by the terminal, and no
colour says what a word does not.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from hpo.report.status_document import FailureKind, Forecast, Status, Step
from hpo.shown import one_line
from hpo.units.duration import in_words

LABEL = 8  # columns of what a line is about
LEAST_BAR, BAR = 4, 16
CURVE = 12
KINDS = 3  # of failures and reasons; the rest is counted
NAME_COLUMNS = 30
MESSAGE_COLUMNS = 60
_BLOCKS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"
_CODES = {"good": "32", "bad": "31", "odd": "33", "name": "1"}
_TRIAL_WORDS = {
    "paused": "paused",
    "running": "running",
    "completed": "complete",
    "failed": "failed",
    "stopped": "stopped",
    "offered": "wait for a job",
}


class Part(NamedTuple):
    """A piece of a line that is not broken; `style` is good, bad, odd, name, or empty."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """How it is shown: on so many columns; with `colour`; with `blocks`, which a font may lack."""

    columns: int = 80
    colour: bool = False
    blocks: bool = True


@dataclass(frozen=True, slots=True)
class Shown:
    """What a status needs beside itself.

    Attributes:
        name: of the campaign.
        now: the time (s) of the campaign's clock.
        first: what the first line says of campaign and manager.
        folder: its folder, as commands take it.
        go_on: the command to go on with; empty: none is needed.
        is_managed: a manager lives, so that what it foretold may come true.
    """

    name: str
    now: float
    first: Sequence[Part]
    folder: str
    go_on: str = ""
    is_managed: bool = True


def lines(status: Status, shown: Shown, look: Look) -> list[str]:
    """Some lines that say how the campaign stands."""
    rows: list[tuple[str, Sequence[Part]]] = [
        ("trials", _trials(status)),
        ("rung", _rungs(status, look)),
        ("best", _best(status, shown.now, look)),
        ("jobs", _jobs(status, shown.now)),
        ("GPU-h" if status.hours_of == "GPUs" else "job-h", _hours(status, shown)),
        ("failed", _failed(status, shown.folder)),
        ("nodes", _nodes(status, shown.now)),
        ("result", _result(status, shown.folder)),
        ("go on", [Part(shown.go_on)] if shown.go_on else []),
    ]
    name = cut(one_line(shown.name), min(NAME_COLUMNS, look.columns // 2))
    told = list(_wrapped(Part(f"{name}  ", "name"), shown.first, look, 2))
    for label, parts in rows:
        if parts:
            head = Part(f" {label}".ljust(LABEL + 1))
            told += _wrapped(head, parts, look, LABEL + 1)
    return told


def short_line(status: Status | None, shown: Shown, look: Look, name_columns: int) -> str:
    """All of it on one line, as one of several campaigns."""
    name = cut(one_line(shown.name), name_columns)
    parts = [Part(f"{name}{' ' * (name_columns - width(name))}  ", "name"), *shown.first[:1]]
    if status is not None:
        total, counts = _counts(status)
        few = [f"{counts[word]} {word}" for word in ("running", "failed") if counts.get(word)]
        parts.append(Part(f"  {total} trials{': ' if few else ''}{', '.join(few)}"))
        if status.best_error is not None:
            parts.append(Part(f"  best {status.best_error:.4g}"))
        if status.forecast is not None and status.ended is None and shown.is_managed:
            parts.append(Part(f"  ends about {clock(status.forecast.end, shown.now)}"))
    line = "".join(_styled(*part, look) for part in parts)
    plain = "".join(part.text for part in parts)
    return line if width(plain) <= look.columns else cut(plain, look.columns)


def clock(at: float, now: float) -> str:
    """`21:40`; with the date where that is half a day away or more."""
    form = "%H:%M" if abs(at - now) < 12 * 3600 else "%Y-%m-%d %H:%M"
    return time.strftime(form, time.localtime(at))


def width(text: str) -> int:
    """Columns of a terminal."""
    if text.isascii():
        return len(text)
    wide = (2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)
    return sum(wide) - sum(unicodedata.combining(char) > 0 for char in text)


def cut(text: str, columns: int) -> str:
    """The text, or as much of it as fits, and a sign that there was more."""
    if width(text) <= columns:
        return text
    kept, room = [], columns - 1
    for char in text:
        room -= width(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + "…"


def _wrapped(head: Part, parts: Iterable[Part], look: Look, indent: int) -> Iterator[str]:
    """Lines of whole parts; what is longer than a line is cut into several."""
    columns = max(20, look.columns)
    line, used, empty = _styled(*head, look), width(head.text), True
    for part in parts:
        text, style = part
        if not empty and used + width(text.rstrip()) > columns:
            yield line.rstrip(" ")
            line, used, empty = " " * indent, indent, True
            text = text.lstrip(" ,;")
        while used + width(text.rstrip()) > columns and width(text) > 1:
            begin = _fitting(text, columns - used)
            yield line + _styled(begin, style, look)
            line, used, text = " " * indent, indent, text[len(begin) :].lstrip(" ")
        last = text.rstrip(" ")
        line += _styled(last, style, look) + text[len(last) :]
        used += width(text)
        empty = False
    yield line.rstrip(" ")


def _fitting(text: str, columns: int) -> str:
    """The beginning that fits, up to a space where there is one; at least a character."""
    end, room = 0, columns
    for char in text:
        room -= width(char)
        if room < 0:
            break
        end += 1
    space = text.rfind(" ", end // 2, end + 1)
    return text[: max(1, end if space < 0 else space)]


def _styled(text: str, style: str, look: Look) -> str:
    if not look.colour or not style or not text.strip():
        return text
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def _counts(status: Status) -> tuple[int, Mapping[str, int]]:
    known = sum(status.trials.values())
    total = known if status.n_trials is None else max(known, status.n_trials)
    return total, status.trials


def _trials(status: Status) -> list[Part]:
    total, counts = _counts(status)
    parts = [Part(f"{total}: " if any(counts.values()) else f"{total}")]
    for state, word in _TRIAL_WORDS.items():
        if count := counts.get(state):
            parts.append(Part(f"{count} {word}  ", "bad" if state == "failed" else ""))
    if status.ended is None and (to_come := total - sum(counts.values())) > 0:
        parts.append(Part(f"{to_come} to come"))
    return parts


def _rungs(status: Status, look: Look) -> list[Part]:
    brackets = len({rung.bracket for rung in status.rungs})
    words = []
    for rung in status.rungs:
        level = rung.rung if rung.level is None else rung.level
        name = f"{level}" if brackets < 2 else f"{level} (bracket {rung.bracket})"
        words.append((name, f"{rung.results}" if rung.of is None else f"{rung.results}/{rung.of}"))
    taken = LABEL + 1 + sum(len(name) + len(count) + 6 for name, count in words)
    columns = min(BAR, max(LEAST_BAR, (look.columns - taken) // max(1, len(words))))
    parts = []
    for rung, (name, count) in zip(status.rungs, words, strict=True):
        bar = "" if not rung.of else _bar(rung.results / rung.of, columns, look)
        parts.append(Part(f"{name} {bar}{' ' if bar else ''}{count}    "))
    return parts


def _bar(share: float, columns: int, look: Look) -> str:
    eighths = round(8 * columns * min(1.0, share))
    if not look.blocks:
        return "#" * round(eighths / 8)
    return "█" * (eighths // 8) + (_BLOCKS[eighths % 8] if eighths % 8 else "")


def _best(status: Status, now: float, look: Look) -> list[Part]:
    if status.best_error is None or status.best_trial_id is None:
        return [Part("no result yet")]
    at = ""
    if status.best_resource is not None:
        at = f", {one_line(status.resource_attr)} {status.best_resource}"
    parts = [Part(f"{status.best_error:.4g} (trial {status.best_trial_id}{at})   ", "good")]
    steps = status.incumbent
    if len(steps) > 1 and look.blocks:
        until = now if status.ended is None or status.updated is None else status.updated
        curve = _curve(steps, max(until, steps[-1].time))
        parts.append(Part(f"{steps[0].error:.3g} {curve} {steps[-1].error:.3g}   "))
    better = _last_better(steps, status.mode)
    if better is not None and status.ended is None:
        parts.append(Part(f"last better {in_words(max(0.0, now - better))} ago"))
    return parts


def _curve(steps: Sequence[Step], end: float) -> str:
    """The first best, and the best after each of equal spans of time: a low block is low."""
    begin, known = steps[0].time, steps[0].error
    values, rest = [known], list(steps[:0:-1])
    for column in range(1, CURVE):
        until = begin + (end - begin) * column / (CURVE - 1)
        while rest and (rest[-1].time <= until or column == CURVE - 1):
            known = rest.pop().error
        values.append(known)
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(_HEIGHTS[min(7, int(8 * (value - low) / span))] for value in values)


def _last_better(steps: Sequence[Step], mode: str) -> float | None:
    """When the best became better than it had been just before."""
    sign = -1 if mode == "max" else 1
    found = steps[0].time if steps else None
    for before, step in pairwise(steps):
        if sign * step.error < sign * before.error:
            found = step.time
    return found


def _jobs(status: Status, now: float) -> list[Part]:
    jobs = status.jobs
    if status.ended is not None and not (jobs.running or jobs.queued):
        return []
    parts = [Part(f"{jobs.running} run, {jobs.queued} wait")]
    for number, wait in enumerate(jobs.reasons[:KINDS]):
        lead = ": " if number == 0 else ", "
        if wait.setting is not None:
            why = f"{one_line(wait.reason)} -> {one_line(wait.setting)}"
            parts.append(Part(f"{lead}{wait.count} {cut(why, MESSAGE_COLUMNS)}", "odd"))
        else:
            why = cut(one_line(wait.text or wait.reason or "not known yet"), MESSAGE_COLUMNS)
            parts.append(
                Part(f"{lead}{wait.count}: {why}" if wait.text else f"{lead}{wait.count} {why}")
            )
    if len(jobs.reasons) > KINDS:
        parts.append(Part(f", {len(jobs.reasons) - KINDS} other reasons"))
    if jobs.next_start is not None and jobs.next_start > now:
        parts.append(Part(f"; the next is planned for {clock(jobs.next_start, now)}"))
    return parts


def _hours(status: Status, shown: Shown) -> list[Part]:
    if status.hours is None:
        return []
    parts = [Part(f"{_hours_of(status.hours + status.hours_running)} used")]
    if status.lost_hours or status.lost_legs:
        by = ", ".join(f"{n} {one_line(cause)}" for cause, n in status.lost_by.items())
        why = f" ({cut(by, MESSAGE_COLUMNS)})" if by else f" ({status.lost_legs} legs)"
        parts.append(Part(f", {_hours_of(status.lost_hours or 0.0)} lost{why}"))
    if status.forecast is not None and status.ended is None and shown.is_managed:
        parts += _foreseen(status.forecast, shown.now)
    return parts


def _foreseen(forecast: Forecast, now: float) -> Iterator[Part]:
    low, hours, high = forecast.hours_low, forecast.hours, forecast.hours_high
    if hours is not None:
        band = "" if low is None or high is None else f" ({_hours_of(low)}-{_hours_of(high)})"
        yield Part(f"; foreseen {_hours_of(hours)}{band}")
    earliest, latest = clock(forecast.earliest, now), clock(forecast.latest, now)
    yield Part(f"; ends about {clock(forecast.end, now)} ({earliest}-{latest})")


def _hours_of(hours: float) -> str:
    if hours >= 100:
        return f"{hours:.0f}"
    return f"{hours:.1f}" if hours >= 10 else f"{hours:.2g}"


def _failed(status: Status, folder: str) -> list[Part]:
    parts: list[Part] = []
    for number, kind in enumerate(status.failures[:KINDS]):
        lead = "; " if number else ""
        parts.append(Part(f"{lead}{kind.count} x {_kind(kind)}", "bad"))
    if len(status.failures) > KINDS:
        parts.append(Part(f"; {len(status.failures) - KINDS} other kinds"))
    if parts and status.failures[0].trial_id is not None:
        parts.append(Part(f"   -> hpo why {folder} {status.failures[0].trial_id}"))
    return parts


def _kind(kind: FailureKind) -> str:
    cause = cut(one_line(kind.cause), NAME_COLUMNS)
    message = kind.message.partition("\n")[0].removeprefix(f"{kind.cause}: ")
    said = cut(one_line(message), MESSAGE_COLUMNS)
    return f"{cause} ({said})" if said and said != cause else cause


def _nodes(status: Status, now: float) -> list[Part]:
    left_alone = [told for told in status.quarantined if told.until > now]
    if not left_alone or status.ended is not None:
        return []
    parts = [
        Part(
            f"{cut(one_line(told.node), NAME_COLUMNS)} left alone until {clock(told.until, now)}; "
        )
        for told in left_alone[:KINDS]
    ]
    if len(left_alone) > KINDS:
        parts.append(Part(f"{len(left_alone) - KINDS} more"))
    return parts


def _result(status: Status, folder: str) -> list[Part]:
    if status.ended is None:
        return []
    if status.best_error is None:
        return [Part(f"{folder}/final_results.json")]
    return [Part(f"{folder}/best_config.json, "), Part("final_results.json")]
