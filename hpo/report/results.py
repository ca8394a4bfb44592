"""All results of a campaign as they stand now, also of what runs; without pandas.

From one file where that is up to date, else from the result files; see `hpo.folder.all_results`.
Which of its lines may be older than their result follows from names alone: a trial whose result was
published a moment ago still has its claim, because the manager takes that away after the line is
written. So nothing is asked about ten thousand files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

from hpo.folder import all_results, offers
from hpo.folder.all_results import columns_of
from hpo.folder.attempts import read_begun
from hpo.folder.files import Layout, read_object
from hpo.folder.reports import read_reports
from hpo.record.fields import LATEST_S

_RESULT = re.compile(r"trial_(\d{1,15})\.json")

Results: TypeAlias = dict[int, dict[str, Any]]


def read_results(layout: Layout, resource_attr: str) -> Results:
    """By trial, in order, what `results/trial_N.json` holds, with `reports` as columns.

    The reports are all that the trial made; each of the columns is as long, and their `time` and
    `elapsed` are numbers (s). A trial that runs has the status `running`, and until it has a result
    the error None. What a file of somebody else's, or a damaged one, holds is left out.
    """
    legs = _held(layout)
    held = {leg.trial_id for leg in legs}
    results = {i: line for i, line in all_results.read(layout).items() if i not in held}
    for trial_id in _published(layout) - results.keys():
        results[trial_id] = read_object(layout.result(trial_id))
    results = {trial_id: found for trial_id, found in results.items() if _is_result(found)}
    for trial_id, found in results.items():
        results[trial_id] = found | {"reports": _reports_of(layout, found, resource_attr)}
    for leg in legs:
        if not leg.done:
            known = results.get(leg.trial_id)
            results[leg.trial_id] = _so_far(layout, leg, known, resource_attr)
    return {trial_id: results[trial_id] for trial_id in sorted(results)}


def _published(layout: Layout) -> set[int]:
    """The trials that have a result file, as the names tell."""
    try:
        names = os.listdir(layout.results)
    except OSError:
        return set()
    return {int(match[1]) for name in names if (match := _RESULT.fullmatch(name))}


def _held(layout: Layout) -> list[offers.Leg]:
    """The legs that jobs hold now, or that ended a moment ago, as far as their names tell."""
    try:
        return [leg for leg in offers.list_legs(layout.claims) if leg.job_id]
    except OSError:
        return []  # as of a campaign that was copied without its claims


def _so_far(
    layout: Layout, leg: offers.Leg, result: Mapping[str, Any] | None, resource_attr: str
) -> dict[str, Any]:
    """A trial that runs, in the form of a result: the one it has, brought up to date."""
    folder = layout.trial(leg.trial_id)
    reports = _columns(read_reports(folder, resource_attr=resource_attr, up_to_attempt=leg.attempt))
    fresh = {
        "trial_id": leg.trial_id,
        "error": None,
        "config": read_object(folder / "config.json"),
        "additional_info": read_begun(layout, leg),
    }
    at = reports.get(resource_attr)
    return {
        **(result or fresh),
        "status": "running",
        "job_id": leg.job_id,
        "resource": at[-1] if at else 0,
        "reports": reports,
    }


def _reports_of(
    layout: Layout, result: Mapping[str, Any], resource_attr: str
) -> dict[str, list[Any]]:
    """What the trial reported, all of it: a long history is in the trial's own files only."""
    reports = result.get("reports") or {}
    if not result.get("reports_left_out"):
        return _columns(reports)
    last = result.get("attempt")
    return _columns(
        read_reports(
            layout.trial(result["trial_id"]),
            resource_attr=resource_attr,
            up_to_attempt=last if isinstance(last, int) else None,
        )
        or reports  # of a campaign that was copied without its trials' folders
    )


def _columns(reports: list[Any] | dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The sound ones among the reports, as columns."""
    if isinstance(reports, list):
        columns = columns_of([report for report in reports if isinstance(report, dict)])
    else:
        columns = reports
    times = [columns[name] for name in ("time", "elapsed") if name in columns]
    if all(_is_time(value) for column in times for value in column):
        return columns
    sound = [i for i, row in enumerate(zip(*times, strict=True)) if all(map(_is_time, row))]
    return {name: [column[i] for i in sound] for name, column in columns.items()}


def _is_result(found: Mapping[str, Any]) -> bool:
    """Whether it has the shape of what a job writes; people edit files, and disks damage them."""
    return (
        isinstance(found.get("trial_id"), int)
        and isinstance(found.get("error"), (int, float, type(None)))
        and all(isinstance(found.get(n) or {}, dict) for n in ("additional_info", "config"))
        and _are_reports(found.get("reports") or [])
    )


def _are_reports(found: object) -> bool:
    if not isinstance(found, dict):
        return isinstance(found, list)
    columns = found.values()
    return all(isinstance(c, list) for c in columns) and len({len(c) for c in columns}) <= 1


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) < LATEST_S


def number(value: object) -> float | None:
    """A number that a calendar or a memory can have; None for anything else."""
    return float(value) if isinstance(value, (int, float)) and _is_time(value) else None
