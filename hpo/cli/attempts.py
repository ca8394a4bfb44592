"""What the files know of one attempt of a trial: its host, its reports, its traceback, its log.

Reads only, and trusts nothing it reads: the files are a job's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.folder.files import AttemptFiles, Layout, read_json, read_tail
from hpo.folder.reports import read_attempt_reports
from hpo.record.goal import Goal

LAST_LINES = 12
TRACE_LINES = 12


@dataclass(frozen=True, slots=True)
class Attempt:
    """One claim of one leg; `number` counts from 0."""

    number: int
    job_id: str
    host: str
    reports: list[dict[str, Any]]
    traceback: str
    log: Path

    def reports_in_short(self, goal: Goal) -> str:
        """First, last and best report on one line."""
        values = [
            (report.get(goal.resource), report.get(goal.metric))
            for report in self.reports
            if isinstance(report.get(goal.metric), (int, float))
        ]
        if not self.reports:
            return "no report"
        if not values:
            return f"{len(self.reports)} reports, none with a finite {goal.metric}"
        best = min(values, key=lambda pair: goal.key(float(pair[1] or 0.0)))
        named = {"first": values[0], "best": best, "last": values[-1]}
        shown = [
            f"{word} {value:.6g} ({goal.resource} {at})" for word, (at, value) in named.items()
        ]
        if len(values) == 1:
            return f"1 report of {goal.metric}: {shown[0].partition(' ')[2]}"
        return f"{len(self.reports)} reports of {goal.metric}: {', '.join(shown)}"

    def trace(self) -> list[str]:
        """The end of the traceback."""
        return self.traceback.splitlines()[-TRACE_LINES:]

    def last_words(self) -> list[str]:
        """The last lines of the job's log."""
        try:
            lines = read_tail(self.log)
        except OSError:
            return []
        return [line.rstrip() for line in lines if line.strip()][-LAST_LINES:]


def read_attempt(layout: Layout, trial_id: int, number: int, job_id: str) -> Attempt:
    """All that lies there of one attempt."""
    files = AttemptFiles(layout.trial(trial_id), number)
    about, trace = _object(files.begun), _object(files.result).get("traceback")
    logs = [layout.job_log(job_id, on_slurm=on_slurm) for on_slurm in (True, False)]
    return Attempt(
        number,
        job_id,
        str(about.get("host") or ""),
        read_attempt_reports(files.folder, number),
        trace if isinstance(trace, str) else "",
        next((path for path in logs if path.exists()), logs[0]),
    )


def _object(path: Path) -> dict[str, Any]:
    found = read_json(path)
    return found if isinstance(found, dict) else {}
