"""Reports in the lines that a training script prints.

Owns two formats: Syne Tune's metric lines, and any line that the user's pattern matches. Decides
nothing about a report; a line that only looks like one is left to the log.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from hpo.errors import ReportError
from hpo.folder.report_lines import RESERVED

log = logging.getLogger(__name__)

Metrics = dict[str, int | float]
LineReader = Callable[[str], list[Metrics]]

_TAG = re.compile(r"\[tune-metric\]: (?=\{)")
_WHOLE_NUMBER = re.compile(r"[+-]?\d+")


def line_reader(metric_pattern: str | None) -> LineReader:
    """What finds the reports in a line: the pattern where there is one, else Syne Tune's tag.

    One of the two, because a script that prints its progress for people and for Syne Tune would
    report each epoch twice.
    """
    if metric_pattern is None:
        return tagged_reports
    pattern = re.compile(metric_pattern)
    return lambda line: _matched_reports(pattern, line)


def tagged_reports(line: str) -> list[Metrics]:
    """The reports in `[tune-metric]: {"epoch": 1, …}`, which may follow a progress bar."""
    reports = []
    for tag in _TAG.finditer(line):
        try:
            found, _ = json.JSONDecoder().raw_decode(line, tag.end())
        except ValueError:
            log.warning("a metric line cannot be read: %.200s", line.strip())
            continue
        reports.append(_numbers(found))
    return reports


def _numbers(found: Mapping[str, Any]) -> Metrics:
    """The numbers that the script's author reported; Syne Tune's own entries are not news."""
    kept: Metrics = {}
    left_out = []
    for name, value in found.items():
        if name.startswith("st_"):
            continue
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if is_number and name not in RESERVED:
            kept[name] = value
        else:
            left_out.append(name)
    if left_out:
        log.warning("not kept of a metric line: %s (no number, or hpo's name)", ", ".join(left_out))
    return kept


def _matched_reports(pattern: re.Pattern[str], line: str) -> list[Metrics]:
    match = pattern.search(line)
    if match is None:
        return []
    return [{name: _number(name, text) for name, text in match.groupdict().items() if text}]


def _number(name: str, text: str) -> int | float:
    if _WHOLE_NUMBER.fullmatch(text.strip()):
        return int(text)
    try:
        return float(text)
    except ValueError:
        raise ReportError(
            f"metric_pattern took {text!r} for {name}, which is no number; let its group match"
            r" digits only, e.g. (?P<name>[-+0-9.eE]+|nan|inf)"
        ) from None
