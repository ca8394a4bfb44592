"""`hpo extend DIR`: more trials for a campaign, or more rungs."""

from __future__ import annotations

import re
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from hpo import checkpoint
from hpo.cli import asking
from hpo.cli.asking import Known
from hpo.decisions.limits import all_trials
from hpo.decisions.scheduler import GPU_HOURS, TARGET, WALLCLOCK
from hpo.errors import SettingsError
from hpo.folder.requests import Extend, asker
from hpo.record import events as ev
from hpo.record.state import TrialStatus


def extend(arguments: Namespace) -> int:
    """Ask for more of a campaign; the exit code.

    Raises:
        SettingsError: there is no campaign, or it has as much already.
    """
    known = asking.look(Path(arguments.campaign), "extend")
    asked = _asked(arguments)
    event, refused = known.answer(asked)
    if not isinstance(event, ev.CampaignExtended) or refused:
        return asking.ask(known, [], [], refused, json_=arguments.json)
    return asking.ask(known, [asked], list(_told(known, event)), [], json_=arguments.json)


def _asked(arguments: Namespace) -> Extend:
    text, max_t = arguments.n_trials, arguments.max_t
    if text is None and max_t is None:
        raise SettingsError(["name --n-trials, or --max-t"], where=asking.WHERE)
    by, now = asker(), time.time()
    if text is None:
        return Extend(by, now, max_t=max_t)
    if not re.fullmatch(r"\+?[1-9][0-9]{0,8}", text):
        problem = f"--n-trials must be a number of trials, such as 120 or +40, not {text!r}"
        raise SettingsError([problem], where=asking.WHERE)
    if text.startswith("+"):
        return Extend(by, now, more_trials=int(text), max_t=max_t)
    return Extend(by, now, n_trials=int(text), max_t=max_t)


def _told(known: Known, event: ev.CampaignExtended) -> Iterator[str]:
    state = known.state
    if event.n_trials is not None:
        has = all_trials(state, known.steering.limits.n_trials)
        yield f"{event.n_trials + state.points} trials instead of {has}"
    if event.levels:
        rungs = ", ".join(str(level) for level in event.levels)
        yield f"rungs at {rungs}: the best of rung {event.last_rung} go on from there"
        yield from _without_checkpoints(known, event.last_rung)
    if state.ending in (WALLCLOCK, GPU_HOURS, TARGET):
        yield (
            f"the campaign ended through {state.ending}: raise that in its configuration, too, or "
            "it ends again at once"
        )


def _without_checkpoints(known: Known, last_rung: int) -> Iterator[str]:
    """Which trials of the rung that was the last have nothing to go on from."""
    trials = (known.state.trials[i] for i in sorted(known.state.of(TrialStatus.COMPLETED)))
    there = [trial.trial_id for trial in trials if trial.rung == last_rung]
    without = [i for i in there if not checkpoint.find(known.layout.trial(i))]
    if without:
        names = ", ".join(str(i) for i in without[:10]) + (" …" if len(without) > 10 else "")
        yield (
            f"{len(without)} of the {len(there)} trials there have no checkpoint any more (those "
            "of complete trials are deleted unless keep_checkpoints is `all`): one that is "
            f"promoted is trained from zero: {names}"
        )
