"""One report of a trial: what counts as a number, and the line it becomes.

Owns the shape of a line in `reports-a<attempt>.jsonl`; `reports` reads them back. Does not know
when a report is allowed (that is `Trial`) nor what it means for the search. Standard library
only: numpy and torch scalars are recognised by their `item()`.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo.errors import ReportError
from hpo.files import append_line, to_json

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
    return int(plain) if isinstance(plain, numbers.Integral) else float(plain)


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


def write_line(folder: Path, attempt: int, record: Mapping[str, Any]) -> None:
    """Append a report to the attempt's file, on disk when this returns.

    Raises:
        OSError: disk full, over quota or away; the line is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)  # because somebody may have removed it
    append_line(folder / f"reports-a{attempt}.jsonl", to_json(record))
