"""What happened to one trial, line by line: from its journal's steps and what lies in its folder.

Reads only. What the cluster knows of its jobs is asked by whoever wants it, and given as `usage`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hpo import checkpoint
from hpo.errors import SettingsError
from hpo.folder import stop as stop_request
from hpo.folder.files import AttemptFiles, Layout, read_object, read_tail
from hpo.folder.reports import read_attempt_reports
from hpo.folder.safety import other_owner
from hpo.record.goal import Goal
from hpo.record.state import CampaignState, TrialStatus
from hpo.report import story
from hpo.report.story import Rules, Step
from hpo.values import flat

LAST_LINES = 14
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
    folder = layout.trial(trial_id)
    files = AttemptFiles(folder, number)
    about, result = read_object(files.begun), read_object(files.result)
    trace, info = result.get("traceback"), result.get("additional_info")
    # What it wrote at its start goes with its result, which says the same.
    host = about.get("host") or (info.get("host") if isinstance(info, dict) else None)
    return Attempt(
        number,
        job_id,
        str(host or ""),
        read_attempt_reports(folder, number),
        trace if isinstance(trace, str) else "",
        log_of(layout, job_id),
    )


def log_of(layout: Layout, job_id: str) -> Path:
    """Where a job's output lies, or will."""
    logs = [layout.job_log(job_id, on_slurm=on_slurm) for on_slurm in (True, False)]
    return next((path for path in logs if path.exists()), logs[0])


@dataclass(frozen=True, slots=True)
class TrialStory:
    """How trials of one campaign are told.

    Attributes:
        layout: its files.
        name: what it is called.
        rules: its words.
        usage: by job, what the cluster knows of it, a line for each of its lives.
        stamp: the form of times, as `time.strftime` has it.
        read: what lies there of an attempt, by trial, number and job.
    """

    layout: Layout
    name: str
    rules: Rules
    usage: Mapping[str, list[str]] = field(default_factory=dict)
    stamp: str = "%Y-%m-%d %H:%M:%S"
    read: Callable[[Layout, int, int, str], Attempt] = read_attempt

    def lines(self, state: CampaignState, trial_id: int, steps: Sequence[Step]) -> Iterator[str]:
        """All of it: whose it is, what it trains with, its steps, where it stands."""
        layout, goal = self.layout, self.rules.goal
        owner = other_owner(layout.root)
        whose = "" if owner is None else f", which belongs to {owner}"
        yield f"trial {trial_id} of campaign {self.name} in {layout.root}{whose}"
        config = state.trials[trial_id].config
        yield "  ".join(f"{name}={value!r}" for name, value in flat(config).items())
        yield from self.what_happened(trial_id, steps)
        saved = checkpoint.find(layout.trial(trial_id))
        shown = ", ".join(f"{goal.resource} {c.resource} (attempt {c.attempt + 1})" for c in saved)
        yield f"checkpoints: {shown or 'none'}"
        yield self.now(state, trial_id)
        waits = state.trials[trial_id].status is not TrialStatus.COMPLETED
        if waits and (request := stop_request.read(layout)):
            yield f"{request.by} stopped the campaign ({request.how}); `hpo run` goes on with it"

    def what_happened(self, trial_id: int, steps: Sequence[Step]) -> Iterator[str]:
        """Its steps, and below each what its files and the cluster know of it."""
        running: Attempt | None = None
        for step in steps:
            attempt = None
            if step.attempt is not None and step.job_id is not None:
                attempt = self.read(self.layout, trial_id, step.attempt, step.job_id)
            place = f" on {attempt.host}" if attempt and attempt.host and not step.ended else ""
            yield from self._stamped(step.time, step.text + place)
            if step.ended and attempt is not None:
                running = None
                yield from self._details(attempt, failed=step.ended in ("failed", "lost"))
            elif attempt is not None:
                running = attempt
        if running is not None:
            yield from self._details(running, failed=False)

    def now(self, state: CampaignState, trial_id: int) -> str:
        """Where it stands."""
        return f"now: {story.standing(state, trial_id, self.rules)}"

    def _details(self, attempt: Attempt, *, failed: bool) -> Iterator[str]:
        """What is known of an attempt, below the line that says how it ended."""
        yield f"{self._indent}{attempt.reports_in_short(self.rules.goal)}"
        for life in self.usage.get(attempt.job_id, []):
            yield f"{self._indent}SLURM: {life}"
        if not failed:
            return
        for line in attempt.trace():
            yield f"{self._indent}| {line}"
        lines = attempt.last_words()
        if lines:
            yield f"{self._indent}the end of {attempt.log}:"
        for line in lines:
            yield f"{self._indent}> {line}"

    def _stamped(self, when: float, text: str) -> Iterator[str]:
        stamp = time.strftime(self.stamp, time.localtime(when))
        first, *rest = text.splitlines() or [""]
        yield f"{stamp}  {first}"
        for line in rest:
            yield f"{self._indent}{line}"

    @property
    def _indent(self) -> str:
        return " " * (len(time.strftime(self.stamp, time.localtime(0))) + 2)


def rules_of(document: Mapping[str, Any]) -> Rules:
    """The words of the campaign, from a file that people may have edited.

    Raises:
        SettingsError: it does not say them.
    """
    seat, rungs = document["seat"], document["identity"].get("scheduler") or {}
    try:
        return Rules(
            Goal.from_json(seat),
            levels=tuple(int(level) for level in rungs.get("levels", ())),
            reduction_factor=max(2, int(rungs.get("reduction_factor", 3))),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as err:
        raise SettingsError([f"campaign.json was changed: {err}"], where="the campaign") from err
