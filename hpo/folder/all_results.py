"""results/all.jsonl: the standing results of all trials in one file, one a line.

For whoever reads all of them: ten thousand files take ten seconds to open, this one takes less than
one. Derived from `results/trial_N.json`, which stay what counts; the manager appends a line for
each result that it publishes, and of a trial's lines the last one stands.

A line holds what the result holds, less the traceback and what is null (but the error): `message`
is cut, and `reports` are columns, of a long history an even part (`reports_left_out` says how many
are not in it). Lines are not synced to disk. One that cannot be read makes the whole file worth
nothing, until it is made anew.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hpo.folder import opening
from hpo.folder.files import Layout, open_plain, publish
from hpo.folder.json_text import parse

MOST_BYTES = 500_000_000  # of the file: more than that is read result by result
MOST_REPORTS = 100  # of a trial, in its line
MOST_TEXT = 300
LEFT_OUT = frozenset({"traceback", "reports", "metric", "mode", "reports_left_out"})
DIGITS = 3  # of a report's times (s)
_END = b'"format":1}'
_LINE = re.compile(
    rb'\{"trial_id":(\d{1,15}),"attempt":(-?\d{1,15}|null),"status":(?:null|"(\w{0,40})"),'
)


def line_of(result: Mapping[str, Any]) -> str | None:
    """The line of a standing result, without its end; None: it is none that can be written."""
    trial_id, attempt = result.get("trial_id"), result.get("attempt")
    if not _is_whole(trial_id) or not (attempt is None or _is_whole(attempt)):
        return None
    reports = result.get("reports")
    listed = reports if isinstance(reports, list) else []
    known = [report for report in listed if isinstance(report, dict)]
    kept = known[::-1][:: max(1, math.ceil(len(known) / MOST_REPORTS))][::-1]
    line = {"trial_id": trial_id, "attempt": attempt, "status": result.get("status")}
    line |= {
        name: value[:MOST_TEXT] if name in ("message", "cause") and type(value) is str else value
        for name, value in result.items()
        if name not in LEFT_OUT and (value is not None or name == "error")
    }
    before = result.get("reports_left_out")
    if left_out := len(known) - len(kept) + (before if isinstance(before, int) else 0):
        line["reports_left_out"] = left_out
    line["reports"] = columns = columns_of(kept)
    for name in ("time", "elapsed"):
        if name in columns:
            columns[name] = [round(t, DIGITS) if type(t) is float else t for t in columns[name]]
    line.pop("format", None)  # it stands last, as the sign that the line is whole
    try:
        text = json.dumps(line | {"format": 1}, allow_nan=False, separators=(",", ":"))
    except (ValueError, RecursionError):
        return None
    return text


def columns_of(reports: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Reports as one list for each name in them; None where one does not have it."""
    names = dict.fromkeys(name for report in reports for name in report)
    return {name: [report.get(name) for report in reports] for name in names}


def begin(layout: Layout) -> None:
    """Make the file anew, without a line.

    Raises:
        OSError: the disk is full, over quota or away.
    """
    publish(layout.all_results, "", durable=False)


def append(layout: Layout, lines: Iterable[str]) -> None:
    """Add lines; what a writer left that was killed in one is ended first.

    Raises:
        OSError: the disk is full, over quota or away; none of them is there.
    """
    data = "".join(f"{line}\n" for line in lines).encode()
    path = layout.all_results
    with os.fdopen(opening.open_to_append(path), "a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size and os.pread(file.fileno(), 1, size - 1) != b"\n":
            data = b"\n" + data
        if file.write(data) != len(data):
            file.truncate(size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def told(layout: Layout) -> dict[int, tuple[int | None, str]] | None:
    """By trial the attempt and the status that its line tells; None: no file, or a damaged one.

    Looks at the ends of the lines only, and so costs little.
    """
    lines = _lines(layout)
    if lines is None or lines.pop() != b"":
        return None
    found: dict[int, tuple[int | None, str]] = {}
    for line in lines:
        match = _LINE.match(line)
        if match is None or not line.endswith(_END):
            return None
        attempt = None if match[2] == b"null" else int(match[2])
        found[int(match[1])] = attempt, (match[3] or b"").decode()
    return found


def read(layout: Layout) -> dict[int, dict[str, Any]]:
    """By trial what its last line tells, `reports` as columns; empty where the file is no help.

    A last line without an end is being written now, and is none.
    """
    lines = _lines(layout) or [b""]
    found: dict[int, dict[str, Any]] = {}
    for line in lines[:-1]:
        try:
            result = parse(line)
        except ValueError:
            return {}
        if not isinstance(result, dict) or not _is_whole(result.get("trial_id")):
            return {}
        found[result["trial_id"]] = result
    return found


def _lines(layout: Layout) -> list[bytes] | None:
    """What stands between line ends, so that the last one is empty where the file is whole."""
    try:
        with open_plain(layout.all_results) as file:
            size = os.fstat(file.fileno()).st_size
            # As much as was there: what is added meanwhile may be cut anywhere.
            return None if size > MOST_BYTES else file.read(size).split(b"\n")
    except OSError:
        return None


def _is_whole(value: object) -> bool:
    return type(value) is int
