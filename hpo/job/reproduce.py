"""`run_trial.py DIR --trial 17`: one trial again, here in the foreground, to look into it.

It runs in a copy of its folder that is removed at the end, so that nothing of the campaign is
touched: no claim, no report, no checkpoint. Users' code runs in this very process, with this
terminal: a debugger works, and an exception goes all the way up.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hpo import checkpoint
from hpo.errors import EXIT_FINISHED, SettingsError
from hpo.folder.campaign import last_start, require
from hpo.folder.files import Layout, publish_json
from hpo.folder.full_disk_output import log_to_standard_output
from hpo.folder.journal import read_events
from hpo.folder.offers import Leg
from hpo.folder.reports import read_reports
from hpo.job.announcement import announce, enter_own_folder
from hpo.job.ending import report_returned
from hpo.job.orders import LegSettings, read_settings, require_safe
from hpo.job.serving import Objective
from hpo.record.goal import Goal
from hpo.record.state import CampaignState, TrialState, apply
from hpo.seats.job_identity import this_job
from hpo.shown import one_line
from hpo.trial.objective import SCRIPT, call
from hpo.trial.trial import Trial, TrialInterrupted

WHERE = "the command"
Reports = Mapping[int, Mapping[str, Any]]  # by their resource


def reproduce(root: Path, trial_id: int, *, from_start: bool) -> int:
    """Run the trial here, and tell how it compares with what the campaign had; the exit code.

    Raises:
        SettingsError: there is no such campaign or trial, or there is nothing to train.
        Exception: whatever users' code raises.
    """
    log_to_standard_output()
    layout, document = require(root)
    settings = read_settings(layout)
    require_safe(layout, settings, str(layout.root))
    trial = _find(layout, trial_id, settings.goal)
    folder = layout.trial(trial_id)
    saved = [] if from_start else checkpoint.find(folder)
    if saved and trial.target is not None and saved[0].resource >= trial.target:
        problem = (
            f"trial {trial_id} has a checkpoint at {saved[0].resource}, where its last leg ended: "
            "nothing is left to train from there; run it with --from-start"
        )
        raise SettingsError([problem], where=WHERE)
    start = last_start(document)
    if start is not None:
        with contextlib.suppress(OSError):  # it was started on another machine, say
            os.chdir(start.folder)
    scratch = Path(tempfile.mkdtemp(prefix=f"hpo_trial_{trial_id}_"))
    try:
        copy = Layout(scratch / "campaign")
        copy.create()
        if not from_start and folder.is_dir():
            left_out = shutil.ignore_patterns("job_*.out", "leave-a*")
            shutil.copytree(folder, copy.trial(trial_id), ignore=left_out)
        _say(_what_runs(trial, settings, saved[0].resource if saved else 0, scratch))
        known = _reports(folder, settings.goal)
        return _run(copy, trial, settings, known)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _find(layout: Layout, trial_id: int, goal: Goal) -> TrialState:
    state = CampaignState(goal)
    for event in read_events(layout.journal):
        apply(state, event)
    if trial_id not in state.trials:
        known = len(state.trials)
        problem = f"no trial {trial_id} in {layout.root}" + (
            f": 0 to {known - 1} are known" if known else ""
        )
        raise SettingsError([problem], where=WHERE)
    return state.trials[trial_id]


def _what_runs(trial: TrialState, settings: LegSettings, start: int, scratch: Path) -> str:
    goal = settings.goal
    begin = f"from its checkpoint at {goal.resource} {start}" if start else "from the start"
    end = "" if trial.target is None else f" to {goal.resource} {trial.target}"
    return f"trial {trial.trial_id} {begin}{end}, in {scratch}, which is removed at the end"


def _run(copy: Layout, trial: TrialState, settings: LegSettings, known: Reports) -> int:
    goal, attempt = settings.goal, trial.attempt + 1
    claim = Leg(trial.trial_id, trial.rung, attempt)
    config = settings.config_of({"config": trial.config, "target": trial.target})
    here = _Shown(
        known,
        goal,
        trial_id=trial.trial_id,
        config=config,
        folder=copy.trial(trial.trial_id),
        attempt=attempt,
        target=trial.target,
        final=trial.final,
        resource_attr=goal.resource,
        metric=goal.metric,
        checkpoint_interval=settings.checkpoint_interval,
    )
    publish_json(copy.config(trial.trial_id), dict(trial.config), durable=False)
    announce(copy, claim, config, settings.campaign, this_job(), rename=False)
    if settings.cwd == "trial":
        enter_own_folder(copy, claim)
    load = Objective(settings, list(config))
    if settings.objective.startswith(SCRIPT):
        _say("(a script runs as a process of its own; to debug it, run its command by hand)")
    ended = "its code raised an exception"
    try:
        returned = call(load(), here)
        if returned is not None:
            report_returned(here, returned, goal)
        here.report_the_end()
        ended = "its code returned"
    except TrialInterrupted:
        ended = "it came to its rung"
    finally:
        for line in _compared(trial, here.made, known, goal, ended):
            _say(line)
    return EXIT_FINISHED


class _Shown(Trial):
    """A trial whose reports are printed, beside what the campaign has for them."""

    def __init__(self, known: Reports, goal: Goal, **told: Any) -> None:
        super().__init__(**told)
        self.made: dict[int, Mapping[str, Any]] = {}
        self._known = known
        self._goal = goal

    def report(self, **metrics: object) -> None:
        """See `Trial.report`."""
        before = len(self.history)
        try:
            super().report(**metrics)
        finally:
            if len(self.history) > before:
                self._show(self.history[-1])

    def _show(self, report: Mapping[str, Any]) -> None:
        at = report[self._goal.resource]
        self.made[at] = report
        numbers = {n: v for n, v in report.items() if n not in ("time", "elapsed", "not_finite")}
        line = "  ".join(f"{name}={value}" for name, value in numbers.items())
        if at in self._known:
            line += f"  (in the campaign {self._known[at].get(self._goal.metric)})"
        _say(line)


def _reports(folder: Path, goal: Goal) -> Reports:
    return {
        report[goal.resource]: report
        for report in read_reports(folder, resource_attr=goal.resource)
    }


def _compared(
    trial: TrialState, made: Reports, known: Reports, goal: Goal, ended: str
) -> Iterator[str]:
    """How this run compares with what the campaign had."""
    last = max(made, default=None)
    got = "without a report" if last is None else f"after {goal.resource} {last}"
    yield f"here: {ended} {got}"
    cause = f" ({trial.cause})" if trial.cause else ""
    furthest = max(known, default=None)
    so_far = "no report" if furthest is None else f"reports up to {goal.resource} {furthest}"
    yield f"in the campaign: {trial.status.value}{cause}, {so_far}"
    both = {
        at: (made[at].get(goal.metric), known[at].get(goal.metric))
        for at in sorted(made.keys() & known.keys())
    }
    different = {at: pair for at, pair in both.items() if pair[0] != pair[1]}
    if not both:
        yield "there is nothing to compare"
    elif not different:
        yield f"all {len(both)} reports that both have show the same {goal.metric}"
    else:
        at, (ours, theirs) = next(iter(different.items()))
        yield (
            f"{len(different)} of the {len(both)} reports that both have differ, from "
            f"{goal.resource} {at} on: {goal.metric} {ours} here, {theirs} in the campaign"
        )


def _say(line: str) -> None:
    print(one_line(line), file=sys.__stdout__, flush=True)  # because this is a command
