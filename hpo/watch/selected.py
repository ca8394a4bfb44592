"""The trial that is looked at: its story, its curve, the log of the job that had it last.

Attempts that have ended are read once; reports and log grow, and are read on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from hpo.folder.files import AttemptFiles, Layout
from hpo.folder.growing import Growing
from hpo.folder.json_text import parse
from hpo.record.state import CampaignState
from hpo.report.story import Step
from hpo.shown import one_line
from hpo.values import flat
from hpo.watch.followed_log import FollowedLog
from hpo.watch.trial_story import Attempt, TrialStory, log_of, read_attempt

MOST_REPORTS = 20_000  # that a curve is drawn of; the last


@dataclass(frozen=True, slots=True)
class SelectedTrial:
    """What is known of it; `reports` are (resource, metric) by resource, `last` the last report.

    `log` are the last lines of the log at `log_path`, None where no job took it yet.
    """

    trial_id: int
    story: Sequence[str] = ()
    config: Sequence[str] = ()
    reports: Sequence[tuple[float, float]] = ()
    last: Mapping[str, Any] = field(default_factory=dict)
    log: Sequence[str] = ()
    log_path: Path | None = None


class Selected:
    """One trial of a campaign, told by `told`."""

    def __init__(self, told: TrialStory, trial_id: int) -> None:
        self.trial_id = trial_id
        self._layout = told.layout
        self._ended: dict[int, Attempt] = {}
        self._told = TrialStory(
            told.layout, told.name, told.rules, stamp=told.stamp, read=self._read
        )
        self._reports: dict[int, _Reports] = {}
        self._log: FollowedLog | None = None
        self._done: set[int] = set()

    def look(self, state: CampaignState, steps: Sequence[Step]) -> SelectedTrial:
        """What is known of it now."""
        self._done = {s.attempt for s in steps if s.ended and s.attempt is not None}
        goal = self._told.rules.goal
        story = [*self._told.what_happened(self.trial_id, steps)]
        story.append(self._told.now(state, self.trial_id))
        reports, last = self._curve(goal.resource, goal.metric)
        job_id = next((step.job_id for step in reversed(steps) if step.job_id), None)
        config = state.trials[self.trial_id].config
        return SelectedTrial(
            self.trial_id,
            [one_line(line) for line in story],
            [one_line(f"{name}={value!r}") for name, value in flat(config).items()],
            reports,
            last,
            *self._log_lines(job_id),
        )

    def _read(self, layout: Layout, trial_id: int, number: int, job_id: str) -> Attempt:
        if number in self._ended:
            return self._ended[number]
        found = read_attempt(layout, trial_id, number, job_id)
        if number in self._done:
            self._ended[number] = found
        return found

    def _curve(
        self, resource: str, metric: str
    ) -> tuple[list[tuple[float, float]], Mapping[str, Any]]:
        folder = self._layout.trial(self.trial_id)
        try:
            found = AttemptFiles.with_reports(folder)
        except OSError:
            return [], {}
        values: dict[float, float] = {}
        last: Mapping[str, Any] = {}
        for files in found:
            reports = self._reports.setdefault(files.attempt, _Reports(files.reports))
            reports.look(resource, metric)
            values |= reports.values
            last = reports.last or last
        return sorted(values.items()), last

    def _log_lines(self, job_id: str | None) -> tuple[Sequence[str], Path | None]:
        if job_id is None:
            return (), None
        path = log_of(self._layout, job_id)
        if self._log is None or self._log.path != path:
            self._log = FollowedLog(path)
        try:
            return self._log.look(), path
        except OSError as err:
            return [one_line(f"(not readable now: {err.strerror or err})")], path


class _Reports:
    """Those of one attempt, read on."""

    def __init__(self, path: Path) -> None:
        self._file = Growing(path)
        self.values: dict[float, float] = {}
        self.last: Mapping[str, Any] = {}

    def look(self, resource: str, metric: str) -> None:
        try:
            found = self._file.look()
        except OSError:
            return
        if found.anew:
            self.values = {}
        for line in found.lines:
            try:
                report = parse(line)
            except ValueError:
                continue
            if not isinstance(report, dict):
                continue
            self.last = report
            at, value = report.get(resource), report.get(metric)
            if is_number(at) and is_number(value):
                self.values[at] = value
        while len(self.values) > MOST_REPORTS:
            del self.values[next(iter(self.values))]


def is_number(value: object) -> TypeGuard[float]:
    """Whether it is one that a curve can show."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
