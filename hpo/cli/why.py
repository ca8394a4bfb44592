"""`hpo why DIR TRIAL`: what happened to a trial, on one screen.

Reads only; works while a manager writes, after it died, and after the end.
"""

from __future__ import annotations

import re
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hpo import checkpoint
from hpo.cli.clusters import describe_manager
from hpo.cli.printing import say
from hpo.cli.trial_numbers import read_numbers
from hpo.cluster.slurm import accounting
from hpo.errors import EXIT_FINISHED, SettingsError
from hpo.folder import starts
from hpo.folder.campaign import last_start, require
from hpo.folder.files import Layout, to_json
from hpo.folder.journal import read_through
from hpo.manager.lock import holder_of
from hpo.record.state import CampaignState
from hpo.report import story
from hpo.report.story import Rules, Step
from hpo.watch.trial_story import TrialStory, rules_of

_ON_SLURM = re.compile(r"\d+(_\d+)?")


def why(arguments: Namespace) -> int:
    """Print what happened to a trial; the exit code.

    Raises:
        SettingsError: no such campaign, or no such trial in it.
        JournalError: the journal is damaged.
    """
    layout, document = require(Path(arguments.campaign))
    (trial_id,) = read_numbers([arguments.trial])
    rules = rules_of(document)
    steps, state = read_through(layout.journal, lambda all_: story.tell(all_, trial_id, rules))
    if trial_id not in state.trials:
        known = len(state.trials)
        hint = f"trials 0 to {known - 1} are known" if known else "no trial was drawn yet"
        raise SettingsError([f"no trial {trial_id} in {layout.root}: {hint}"], where="the command")
    if arguments.json:
        print(to_json(_facts(layout, document, state, trial_id, steps, rules), indent=2))
        return EXIT_FINISHED
    start = last_start(document)
    executor = start.executor if start else "slurm"
    jobs = {step.job_id for step in steps if step.job_id and _ON_SLURM.fullmatch(step.job_id)}
    usage = accounting.usage(jobs) if executor == "slurm" else {}
    for line in TrialStory(layout, document["campaign"], rules, usage).lines(
        state, trial_id, steps
    ):
        say(line)
    if state.trials[trial_id].job_id is None:
        for line in _failed_starts(layout):
            say(line)
    say(f"{_campaign(state)}; {describe_manager(holder_of(layout), executor)}")
    return EXIT_FINISHED


def _failed_starts(layout: Layout) -> Iterator[str]:
    """Why no job took the trial, where jobs told that they could not start."""
    told = {start.why: start for start in starts.failed(layout)}
    for start in told.values():
        at = time.strftime("%H:%M:%S", time.localtime(start.last))
        said = f", after {start.said!r}" if start.said else ""
        yield f"at {at} job {start.job_id} could not start on {start.node}: {start.why}{said}"


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
