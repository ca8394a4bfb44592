"""What an attempt had trained and not saved when its job was lost, as far as its files tell.

Reads only: the attempt's reports say how long it took to each resource, its checkpoints what of it
is kept. What users save in files of their own is not known here and counts as lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo import checkpoint
from hpo.folder.reports import read_attempt_reports


def unsaved_work(
    folder: Path, attempt: int, resource_attr: str, *, seat_s: float | None = None
) -> tuple[float, int]:
    """Seconds and resource steps since the attempt's last checkpoint.

    Args:
        folder: `trials/trial_N`.
        attempt: the one whose job was lost.
        resource_attr: the resource's name in reports.
        seat_s: how long the job held the leg (s); not known: until its last report.
    """
    saved = [found.resource for found in checkpoint.find(folder) if found.attempt == attempt]
    kept = max(saved, default=0)
    found = read_attempt_reports(folder, attempt)
    reports = [report for report in found if isinstance(report.get(resource_attr), int)]
    if seat_s is None:
        seat_s = max((_elapsed(report) for report in reports), default=0.0)
    kept_s = [_elapsed(report) for report in reports if report[resource_attr] <= kept]
    unsaved = sum(1 for report in reports if report[resource_attr] > kept)
    return max(0.0, seat_s - max(kept_s, default=0.0)), unsaved


def _elapsed(report: Mapping[str, Any]) -> float:
    value = report.get("elapsed")
    return float(value) if isinstance(value, (int, float)) else 0.0
