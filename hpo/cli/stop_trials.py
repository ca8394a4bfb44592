"""`hpo stop DIR --trial 17`: single trials stop, and the campaign goes on without them."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

from hpo.cli import asking
from hpo.cli.asking import Known
from hpo.cli.trial_numbers import read_numbers
from hpo.folder.requests import Request, StopTrial, asker
from hpo.record.state import TrialStatus


def stop_trials(arguments: Namespace) -> int:
    """Ask that trials stop; the exit code.

    Raises:
        SettingsError: there is no campaign, or none of the trials can be stopped.
    """
    known = asking.look(Path(arguments.campaign), "stop trials of")
    by, now = asker(), time.time()
    asked: list[Request] = []
    told: list[str] = []
    refused: list[str] = []
    for trial_id in dict.fromkeys(read_numbers(arguments.trials)):
        request = StopTrial(trial_id, by, now)
        event, why_not = known.answer(request)
        refused += why_not
        if event is not None:
            asked.append(request)
            told.append(_what_happens(known, trial_id))
    return asking.ask(known, asked, told, refused, json_=arguments.json)


def _what_happens(known: Known, trial_id: int) -> str:
    trial = known.state.trials[trial_id]
    if trial.status is TrialStatus.CLAIMED:
        how = f"its job {trial.job_id} saves and leaves it at its next report"
    else:
        how = "it does not run, and will not"
    return f"trial {trial_id}: {how}; `hpo retry` takes it up again"
