"""`hpo why DIR TRIAL`: what happened to a trial, on one screen.

Reads only; works while a manager writes, after it died, and after the end.
"""

from __future__ import annotations

import re
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo import checkpoint
from hpo.cli.clusters import describe_manager
from hpo.cli.printing import say
from hpo.cluster.slurm import accounting
from hpo.errors import EXIT_FINISHED, SettingsError
from hpo.folder import starts
from hpo.folder import stop as stop_request
from hpo.folder.campaign import last_start, require
from hpo.folder.files import AttemptFiles, Layout, read_object, read_tail, to_json
from hpo.folder.journal import read_through
from hpo.folder.reports import read_attempt_reports
from hpo.folder.safety import other_owner
from hpo.manager.lock import holder_of
from hpo.record.goal import Goal
from hpo.record.state import CampaignState, TrialStatus
from hpo.report import story
from hpo.report.story import Rules, Step
from hpo.values import flat

_ON_SLURM = re.compile(r"\d+(_\d+)?")
INDENT = " " * 21
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


def _read_attempt(layout: Layout, trial_id: int, number: int, job_id: str) -> Attempt:
    """All that lies there of one attempt."""
    folder = layout.trial(trial_id)
    files = AttemptFiles(folder, number)
    about, result = read_object(files.begun), read_object(files.result)
    trace, info = result.get("traceback"), result.get("additional_info")
    # What it wrote at its start goes with its result, which says the same.
    host = about.get("host") or (info.get("host") if isinstance(info, dict) else None)
    logs = [layout.job_log(job_id, on_slurm=on_slurm) for on_slurm in (True, False)]
    return Attempt(
        number,
        job_id,
        str(host or ""),
        read_attempt_reports(folder, number),
        trace if isinstance(trace, str) else "",
        next((path for path in logs if path.exists()), logs[0]),
    )


def why(arguments: Namespace) -> int:
    """Print what happened to a trial; the exit code.

    Raises:
        SettingsError: no such campaign, or no such trial in it.
        JournalError: the journal is damaged.
    """
    layout, document = require(Path(arguments.campaign))
    trial_id = _number(arguments.trial)
    rules = _rules(document)
    steps, state = read_through(layout.journal, lambda all_: story.tell(all_, trial_id, rules))
    if trial_id not in state.trials:
        known = len(state.trials)
        hint = f"trials 0 to {known - 1} are known" if known else "no trial was drawn yet"
        raise SettingsError([f"no trial {trial_id} in {layout.root}: {hint}"], where="the command")
    start = last_start(document)
    executor = start.executor if start else "slurm"
    jobs = {step.job_id for step in steps if step.job_id and _ON_SLURM.fullmatch(step.job_id)}
    usage = accounting.usage(jobs) if executor == "slurm" else {}
    if arguments.json:
        print(to_json(_facts(layout, document, state, trial_id, steps, rules), indent=2))
        return EXIT_FINISHED
    for line in _lines(layout, document, state, trial_id, steps, rules, usage):
        say(line)
    if state.trials[trial_id].job_id is None:
        for line in _failed_starts(layout):
            say(line)
    say(f"{_campaign(state)}; {describe_manager(holder_of(layout), executor)}")
    return EXIT_FINISHED


def _lines(
    layout: Layout,
    document: Mapping[str, Any],
    state: CampaignState,
    trial_id: int,
    steps: list[Step],
    rules: Rules,
    usage: Mapping[str, list[str]],
) -> Iterator[str]:
    config = state.trials[trial_id].config
    owner = other_owner(layout.root)
    whose = "" if owner is None else f", which belongs to {owner}"
    yield f"trial {trial_id} of campaign {document['campaign']} in {layout.root}{whose}"
    yield "  ".join(f"{name}={value!r}" for name, value in flat(config).items())
    running: Attempt | None = None
    for step in steps:
        attempt = None
        if step.attempt is not None and step.job_id is not None:
            attempt = _read_attempt(layout, trial_id, step.attempt, step.job_id)
        place = f" on {attempt.host}" if attempt and attempt.host and not step.ended else ""
        yield from _stamped(step.time, step.text + place)
        if step.ended and attempt is not None:
            running = None
            yield from _details(attempt, rules, usage, failed=step.ended in ("failed", "lost"))
        elif attempt is not None:
            running = attempt
    if running is not None:
        yield from _details(running, rules, usage, failed=False)
    saved = checkpoint.find(layout.trial(trial_id))
    shown = ", ".join(
        f"{rules.goal.resource} {c.resource} (attempt {c.attempt + 1})" for c in saved
    )
    yield f"checkpoints: {shown or 'none'}"
    yield f"now: {story.standing(state, trial_id, rules)}"
    waits = state.trials[trial_id].status is not TrialStatus.COMPLETED
    if waits and (request := stop_request.read(layout)):
        yield f"{request.by} stopped the campaign ({request.how}); `hpo run` goes on with it"


def _details(
    attempt: Attempt, rules: Rules, usage: Mapping[str, list[str]], *, failed: bool
) -> Iterator[str]:
    """What the files and SLURM know of an attempt, below the line that says how it ended."""
    yield f"{INDENT}{attempt.reports_in_short(rules.goal)}"
    for life in usage.get(attempt.job_id, []):
        yield f"{INDENT}SLURM: {life}"
    if not failed:
        return
    for line in attempt.trace():
        yield f"{INDENT}| {line}"
    lines = attempt.last_words()
    if lines:
        yield f"{INDENT}the end of {attempt.log}:"
    for line in lines:
        yield f"{INDENT}> {line}"


def _stamped(when: float, text: str) -> Iterator[str]:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when))
    first, *rest = text.splitlines() or [""]
    yield f"{stamp}  {first}"
    for line in rest:
        yield f"{INDENT}{line}"


def _failed_starts(layout: Layout) -> Iterator[str]:
    """Why no job took the trial, where jobs told that they could not start."""
    told = {start.why: start for start in starts.failed(layout)}
    for start in told.values():
        at = time.strftime("%H:%M:%S", time.localtime(start.last))
        said = f", after {start.said!r}" if start.said else ""
        yield f"at {at} job {start.job_id} could not start on {start.node}: {start.why}{said}"


def _number(text: str) -> int:
    """17 from `17` or `trial_17`."""
    digits = text.removeprefix("trial_")
    if not re.fullmatch(r"[0-9]{1,18}", digits):
        raise SettingsError([f"{text!r} is no trial's number, such as 17"], where="the command")
    return int(digits)


def _rules(document: Mapping[str, Any]) -> Rules:
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


def _campaign(state: CampaignState) -> str:
    if state.ended is not None:
        return f"the campaign has ended ({state.ended})"
    if state.ending is not None:
        return f"the campaign is ending ({state.ending})"
    return "the campaign has not ended"


def _facts(
    layout: Layout,
    document: Mapping[str, Any],
    state: CampaignState,
    trial_id: int,
    steps: Sequence[Step],
    rules: Rules,
) -> dict[str, Any]:
    """The same for programs: times in s since 1970; `attempt` counts from 0."""
    trial = state.trials[trial_id]
    return {
        "campaign": document["campaign"],
        "folder": str(layout.root),
        "trial_id": trial_id,
        "config": trial.config,
        "status": trial.status.value,
        "now": story.standing(state, trial_id, rules),
        "cause": trial.cause,
        "message": trial.message,
        rules.goal.metric: trial.metric,
        "resource": trial.resource,
        "checkpoints": [saved.resource for saved in checkpoint.find(layout.trial(trial_id))],
        "steps": [
            {
                "time": step.time,
                "text": step.text,
                "attempt": step.attempt,
                "job_id": step.job_id,
                "ended": step.ended or None,
            }
            for step in steps
        ],
        "campaign_ended": state.ended,
    }
