"""Reports in what a training script prints: from the states of its lines to metrics.

Owns two formats: Syne Tune's metric lines, and any line that the user's pattern matches. Of a line
that is redrawn the last state of each epoch counts. Decides nothing about a report; a line that
only looks like one is left to the log.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Collection, Mapping
from typing import Any, Protocol

from hpo.errors import ReportError
from hpo.folder.report_lines import RESERVED
from hpo.trial.script.redrawn import State

log = logging.getLogger(__name__)

Metrics = dict[str, int | float]

_TAG = re.compile(r"\[tune-metric\]: (?=\{)")
_WHOLE_NUMBER = re.compile(r"[+-]?\d+")
_POSITION = re.compile(r"(?<![\d./])(\d+)/(\d+)(?![\d./])")


class ReportReader(Protocol):
    """What finds the reports in the states of lines."""

    def read(self, state: State) -> list[Metrics]:
        """The reports that a state completes.

        Raises:
            ReportError: what was found is no number.
        """
        ...

    def read_cut(self, state: State) -> list[Metrics]:
        """Those that are complete where a redrawn line was cut short; not the line's own."""
        ...


def report_reader(
    metric_pattern: str | None, resource: str, ends: Collection[int] = ()
) -> ReportReader:
    """The pattern's reader where there is one, else that of Syne Tune's tag.

    One of the two, because a script that prints its progress for people and for Syne Tune would
    report each epoch twice.

    Args:
        metric_pattern: with a group for each number.
        resource: the name of the group that tells the epoch.
        ends: how many epochs the whole of a training may have, where that is known.
    """
    if metric_pattern is None:
        return TaggedReports()
    return MatchedReports(re.compile(metric_pattern), resource, ends)


class TaggedReports:
    """Those after Syne Tune's tag."""

    def read(self, state: State) -> list[Metrics]:
        """See `ReportReader`."""
        return tagged_reports(state.text)

    def read_cut(self, state: State) -> list[Metrics]:
        """See `ReportReader`."""
        return self.read(state)


class MatchedReports:
    """Those that a pattern matches: the last match of a line, and of a redrawn one the last state.

    Where no group tells the epoch, a bar that counts them may: one with as many steps as the
    training has epochs. Any other bar is one epoch, until it begins again.
    """

    def __init__(self, pattern: re.Pattern[str], resource: str, ends: Collection[int]) -> None:
        self._pattern = pattern
        self._resource = resource
        self._ends = ends
        self._held: Metrics | None = None  # the last match of the line that is drawn now
        self._held_at: tuple[int, int] | None = None  # its bar's position, where that is no epoch
        self._is_redrawn = False
        self._first_step: int | None = None  # of a bar that counts epochs; None: none does
        self._told = False

    def read(self, state: State) -> list[Metrics]:
        """See `ReportReader`."""
        self._is_redrawn = self._is_redrawn or not state.is_last
        reports: list[Metrics] = []
        found = self._match(state.text)
        if found is not None:
            at = self._take_position(state.text, found) if self._is_redrawn else None
            if self._held is not None and self._begins_another(found, at):
                reports.append(self._held)
            elif self._held not in (None, found):
                self._tell(found)
            self._held, self._held_at = found, at
        if state.is_last or state.is_cleared:
            reports += [self._held] if self._held is not None else []
            self._held = self._held_at = self._first_step = None
            self._is_redrawn = False
        return reports

    def read_cut(self, state: State) -> list[Metrics]:
        """See `ReportReader`."""
        reports = self.read(State(state.text.strip(), is_last=False))
        self._held = self._held_at = self._first_step = None
        self._is_redrawn = False
        return reports

    def _match(self, shown: str) -> Metrics | None:
        last = None
        # With its end, which a pattern may name as white space.
        for last in self._pattern.finditer(shown + "\n"):  # noqa: B007  # the last one counts
            pass
        if last is None:
            return None
        found = last.groupdict().items()
        return {name: _number(name, text) for name, text in found if text} or None

    def _begins_another(self, found: Metrics, at: tuple[int, int] | None) -> bool:
        """Whether a match is of another epoch than that which is held."""
        assert self._held is not None
        if self._resource in found or self._resource in self._held:
            return found.get(self._resource) != self._held.get(self._resource)
        before = self._held_at
        return at is not None and before is not None and at[1] == before[1] and at[0] < before[0]

    def _take_position(self, text: str, found: Metrics) -> tuple[int, int] | None:
        """Put the epoch into `found` where the line's bar counts them; else the bar's position."""
        if self._resource in found:
            return None
        positions = [(int(step), int(end)) for step, end in _POSITION.findall(text)]
        of_epochs = [(step, end) for step, end in positions if end in self._ends and step <= end]
        if of_epochs and self._first_step is None and of_epochs[0][0] < of_epochs[0][1]:
            self._first_step = of_epochs[0][0]
        if not of_epochs or self._first_step is None:
            return positions[-1] if positions else None
        step, end = of_epochs[0]
        # A bar that shows 0 of 5 while the first epoch's metric is known counts those before.
        found[self._resource] = min(step + (self._first_step == 0), end)
        return None

    def _tell(self, found: Metrics) -> None:
        if not self._told and self._resource not in found:
            self._told = True
            log.info(
                "a line is redrawn with other values and nothing tells their %s: the last counts;"
                " (?P<%s>\\d+) in metric_pattern would tell it",
                self._resource,
                self._resource,
            )


def tagged_reports(line: str) -> list[Metrics]:
    """The reports in `[tune-metric]: {"epoch": 1, …}`, which may follow a progress bar."""
    reports = []
    for tag in _TAG.finditer(line):
        try:
            found, _ = json.JSONDecoder().raw_decode(line, tag.end())
        except (ValueError, RecursionError):
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


def _number(name: str, text: str) -> int | float:
    try:
        return int(text) if _WHOLE_NUMBER.fullmatch(text.strip()) else float(text)
    except ValueError:
        raise ReportError(
            f"metric_pattern took {text[:40]!r} for {name}, which is no number; let its group match"
            r" digits only, e.g. (?P<name>[-+0-9.eE]+|nan|inf)"
        ) from None
