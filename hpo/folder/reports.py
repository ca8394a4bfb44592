"""The reports of a trial over all its attempts, as they lie in its folder, and in its result.

Owns how many of them a result repeats. A torn line is skipped, never an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo.folder.files import AttemptFiles, read_plain
from hpo.folder.json_text import parse

HISTORY_BYTES = 20_000_000  # of a result's reports, about


def read_reports(
    folder: Path, *, resource_attr: str | None = None, up_to_attempt: int | None = None
) -> list[dict[str, Any]]:
    """All reports in the trial's `folder`, oldest attempt first.

    Args:
        folder: `trials/trial_N`.
        resource_attr: if given, one report per resource: the one of the latest attempt.
        up_to_attempt: ignore attempts after this one.
    """
    try:
        found = AttemptFiles.with_reports(folder)
    except OSError:
        return []
    reports: list[dict[str, Any]] = []
    for files in found:
        if up_to_attempt is None or files.attempt <= up_to_attempt:
            reports += _read_lines(files.reports)
    if resource_attr is None:
        return reports
    at = ((report.get(resource_attr), report) for report in reports)
    latest = {resource: report for resource, report in at if type(resource) is int}
    return [latest[resource] for resource in sorted(latest)]


def bounded(reports: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As many of the reports as a result holds, evenly spread; the last is one of them."""
    size = sum(len(name) + 30 for report in reports for name in report)
    every = max(1, math.ceil(size / HISTORY_BYTES))
    return [dict(report) for report in reports[::-1][::every][::-1]]


def read_attempt_reports(folder: Path, attempt: int) -> list[dict[str, Any]]:
    """The reports of one attempt, in the order in which they were written."""
    return _read_lines(AttemptFiles(folder, attempt).reports)


def _read_lines(path: Path) -> list[dict[str, Any]]:
    try:
        lines = read_plain(path).splitlines()
    except OSError:
        return []
    reports: list[dict[str, Any]] = []
    for line in lines:
        try:
            report = parse(line)
        except ValueError:
            continue
        # A line that was written, but whose writing was reported as failed, stands there twice.
        if isinstance(report, dict) and report not in reports[-1:]:
            reports.append(report)
    return reports
