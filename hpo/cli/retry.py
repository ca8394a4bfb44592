"""`hpo retry DIR`: trials that failed or were stopped are offered again."""

from __future__ import annotations

import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hpo import checkpoint
from hpo.cli import asking
from hpo.cli.asking import Known
from hpo.cli.trial_numbers import read_numbers
from hpo.errors import SettingsError
from hpo.folder.requests import RetryTrials, asker
from hpo.record import events as ev
from hpo.record.state import TrialStatus


def retry(arguments: Namespace) -> int:
    """Ask for trials again; the exit code.

    Raises:
        SettingsError: there is no campaign, or none of the trials can be run again.
    """
    known = asking.look(Path(arguments.campaign), "retry trials of")
    chosen = _chosen(known, arguments)
    asked = RetryTrials(chosen, asker(), time.time(), arguments.from_start)
    event, refused = known.answer(asked)
    if not isinstance(event, ev.RetryAsked):
        return asking.ask(known, [], [], refused, json_=arguments.json)
    asked = RetryTrials(event.trial_ids, asked.by, asked.time, asked.from_start)
    told = list(_told(known, asked))
    return asking.ask(known, [asked], told, refused, json_=arguments.json)


def _chosen(known: Known, arguments: Namespace) -> list[int]:
    state = known.state
    chosen = set(read_numbers(arguments.trials))
    failed = {i: state.trials[i].cause or "" for i in sorted(state.of(TrialStatus.FAILED))}
    if arguments.failed and not arguments.cause:
        chosen |= failed.keys()
    for cause in arguments.cause:
        chosen |= {i for i, why in failed.items() if why == cause}
    if chosen:
        return sorted(chosen)
    causes = ", ".join(f"{n} x {cause}" for cause, n in Counter(failed.values()).most_common())
    there = f"failed by now: {causes}" if causes else "no trial has failed by now"
    if arguments.failed or arguments.cause:
        raise SettingsError([f"no such trial failed; {there}"], where=asking.WHERE)
    problem = f"name trials, as in `3 7`, or --failed, or --cause CAUSE; {there}"
    raise SettingsError([problem], where=asking.WHERE)


def _told(known: Known, asked: RetryTrials) -> Iterator[str]:
    layout = known.layout
    for trial_id in asked.trial_ids:
        if asked.from_start:
            aside = layout.trial_before(trial_id, known.state.trials[trial_id].attempt + 1).name
            yield f"trial {trial_id}: again from the start; what it has goes to trials/{aside}"
        elif saved := checkpoint.find(layout.trial(trial_id)):
            yield f"trial {trial_id}: again, from its checkpoint at {saved[0].resource}"
        else:
            yield f"trial {trial_id}: again, from the start, because it has no checkpoint"
