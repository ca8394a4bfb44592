"""The last report of a leg that runs, from the end of its file alone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

from hpo.folder.files import AttemptFiles, open_plain
from hpo.folder.json_text import parse

END_BYTES = 4096  # longer than a report is


class LastReport(NamedTuple):
    """What a file of `size` bytes ended with; `report` is empty where that is no report."""

    size: int
    report: dict[str, Any]


def read_last_report(folder: Path, attempt: int, known: LastReport | None) -> LastReport | None:
    """The last whole line of an attempt's reports; `known` itself where nothing came since.

    None where there is no news: no report yet, or the file cannot be read just now.
    """
    path = AttemptFiles(folder, attempt).reports
    try:
        size = os.lstat(path).st_size  # because to open it costs ten times as much
        if known is not None and known.size == size:
            return known
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - END_BYTES))
            end = file.read(END_BYTES)
    except OSError:
        return known
    lines = end[: end.rfind(b"\n") + 1].splitlines()
    try:
        report = parse(lines[-1]) if lines else None
    except ValueError:
        report = None
    return LastReport(size, report if isinstance(report, dict) else {})
