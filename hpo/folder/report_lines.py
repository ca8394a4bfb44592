"""One report of a trial: what counts as a number, and the line it becomes.

A line of `reports-a<attempt>.jsonl`; `reports` reads them back. Standard library only: numpy and
torch scalars are recognised by their `item()`.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo.errors import ReportError
from hpo.folder import opening
from hpo.folder.files import MOST_BYTES, AttemptFiles, append_line, to_json
from hpo.folder.json_text import MOST_DIGITS
from hpo.record.result import MOST_RESOURCE

FULL_BYTES = 50_000_000  # of an attempt's reports; beyond it only what is compared is written
MOST_NUMBER = 10**MOST_DIGITS
RESERVED = ("time", "elapsed", "not_finite")  # what a line holds beside the user's own names


def to_number(name: str, value: object) -> int | float:
    """Return a reported value as a plain number: Python's, numpy's, or a tensor of one element.

    Raises:
        ReportError: it is no number; naming its type.
    """
    plain = value
    if callable(item := getattr(value, "item", None)):
        try:
            plain = item()
        except (ValueError, RuntimeError, TypeError) as err:
            raise ReportError(
                f"report({name}=…) got a {type(value).__name__} of shape"
                f" {tuple(getattr(value, 'shape', ()))}; reduce it to one number first"
            ) from err
    if isinstance(plain, bool) or not isinstance(plain, numbers.Real):
        shown = f" {plain!r}" if isinstance(plain, (str, bool)) else ""
        raise ReportError(f"report({name}=…) got a {type(plain).__name__}{shown}, not a number")
    try:
        number = int(plain) if isinstance(plain, numbers.Integral) else float(plain)
    except OverflowError:
        number = MOST_NUMBER
    if isinstance(number, int) and abs(number) >= MOST_NUMBER:
        raise ReportError(f"report({name}=…) got what is larger than any number of a computer")
    return number


def checked_metrics(metrics: Mapping[str, object], metric: str) -> dict[str, int | float]:
    """Return what was reported as plain numbers.

    Raises:
        ReportError: one is no number, `metric` is missing, or a name is not free.
    """
    values = {name: to_number(name, value) for name, value in metrics.items()}
    if metric not in values:
        raise ReportError(_metric_missing(values, metric))
    if reserved := [name for name in RESERVED if name in values]:
        raise ReportError(f"report() writes {reserved[0]} itself; report it under another name")
    return values


def _metric_missing(metrics: Mapping[str, float], metric: str) -> str:
    import difflib  # here, because only errors need it

    near = difflib.get_close_matches(metric, list(metrics), n=1)
    return (
        f"report() without the metric {metric}: got {', '.join(metrics) or 'nothing'}"
        + (f". Is {near[0]} meant? Rename it there" if near else ". Report it")
        + " or set 'metric' in the configuration"
    )


def checked_resource(
    named: tuple[str, int | float], *, last: int, end: int | None, is_first: bool
) -> int:
    """Return the resource of a report, given with its name, after one of `last`.

    Raises:
        ReportError: no whole number, out of order, or beyond the leg's `end`.
    """
    name, resource = named
    if not isinstance(resource, int):
        raise ReportError(f"report({name}={resource!r}): {name} must be a whole number")
    if resource > MOST_RESOURCE:
        raise ReportError(f"report({name}=…): {name} is beyond {MOST_RESOURCE}")
    if resource <= last:
        hint = f"; {name}s count from 1" if is_first and resource == 0 else ""
        hint = hint or f"; each {name} is reported once, in order"
        raise ReportError(f"report({name}={resource}) after {name} {last}{hint}")
    if end is not None and resource > end:
        raise ReportError(
            f"report({name}={resource}): this trial ends at {name} {end}; loop over"
            " trial.epochs(), or return from the objective there"
        )
    return resource


def make_record(
    resource: tuple[str, int], metrics: Mapping[str, float], *, now: float, elapsed: float
) -> dict[str, Any]:
    """Return the report as a line holds it.

    Standard JSON has no NaN: a value that is not finite is null for every reader, and the word for
    it stands under `not_finite`.
    """
    odd = {name: str(value) for name, value in metrics.items() if not math.isfinite(value)}
    values = {name: None if name in odd else value for name, value in metrics.items()}
    record = {resource[0]: resource[1], **values, "time": now, "elapsed": elapsed}
    return record | ({"not_finite": odd} if odd else {})


def write_line(
    folder: Path,
    attempt: int,
    record: Mapping[str, Any],
    least: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """Append a report to the attempt's file, on disk when this returns; what was written of it.

    That is `least` where the whole report makes the file larger than FULL_BYTES.

    Raises:
        ReportError: the file would be larger than is ever read.
        OSError: disk full, over quota or away; the line is not there.
    """
    path = AttemptFiles(folder, attempt).reports
    size = path.stat().st_size if path.exists() else 0
    line = to_json(record)
    if least is not None and size + len(line) > FULL_BYTES:
        record, line = least, to_json(least)
    if size + len(line) >= MOST_BYTES:
        raise ReportError(f"the reports in {path} do not fit into {MOST_BYTES / 1e6:.0f} MB")
    try:
        append_line(path, line)
    except FileNotFoundError:
        opening.make_folder(folder, parents=1)  # because somebody may have removed it
        append_line(path, line)
    return record
