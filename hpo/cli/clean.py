"""`hpo clean DIR`: what of a campaign could go, how much room that makes; removed after a yes.

Never while a manager or a job of it lives, or where nobody can say that none does.
"""

from __future__ import annotations

import socket
import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hpo.cli.clusters import choose_executor, job_gone_asker, jobs_of
from hpo.cli.list import in_bytes
from hpo.cli.printing import say
from hpo.decisions.asha import Asha
from hpo.decisions.whole_trials import LegPolicy, WholeTrials
from hpo.errors import EXIT_FINISHED, EXIT_RESUMABLE, CampaignLockedError, PollError, SettingsError
from hpo.folder.campaign import last_start, require
from hpo.folder.copies import origin
from hpo.folder.disk_use import DiskUse
from hpo.folder.files import Layout
from hpo.folder.journal import read_through
from hpo.folder.offers import list_legs
from hpo.folder.safety import require_own
from hpo.manager.leftovers import Kind, Leftover, find, remove
from hpo.manager.lock import ManagerLock
from hpo.record.events import Event
from hpo.record.goal import Goal
from hpo.record.state import CampaignState, apply
from hpo.seats.book import JobPhase
from hpo.shown import shell_words

SHOWN_PROBLEMS = 10


def clean(arguments: Namespace) -> int:
    """Tell what could go, and remove it where that is wanted; the exit code.

    Raises:
        SettingsError: there is no campaign, it belongs to somebody else, or nobody can say yes.
        CampaignLockedError: its manager or jobs of it live, or nobody can say that none does.
        JournalError: the journal is damaged.
        OSError: a folder cannot be listed now.
    """
    layout, document = require(Path(arguments.campaign))
    require_own(layout.root, "clean")
    found = _find(layout, document)
    if not found:
        say(f"nothing in {layout.root} could go")
        return EXIT_FINISHED
    _tell(layout, found)
    if arguments.dry_run:
        return EXIT_FINISHED
    if not arguments.yes and not _is_wanted(arguments.campaign):
        say("nothing was removed")
        return EXIT_FINISHED
    executor = start.executor if (start := last_start(document)) else choose_executor("auto")
    lock = ManagerLock(layout)
    lock.acquire(job_gone_asker(executor))  # no manager starts meanwhile
    try:
        _require_nothing_lives(layout, document, executor)
        told = {leftover.path for leftover in found}
        # Once more: it may have changed since it was told.
        left = [leftover for leftover in _find(layout, document) if leftover.path in told]
        freed, kept = remove(layout, left)
    finally:
        lock.release()
    say(f"removed {in_bytes(DiskUse(freed, 0))}")
    for line in kept[:SHOWN_PROBLEMS]:
        say(f"not removed: {line}")
    if len(kept) > SHOWN_PROBLEMS:
        say(f"and {len(kept) - SHOWN_PROBLEMS} others")
    return EXIT_RESUMABLE if kept else EXIT_FINISHED


def _find(layout: Layout, document: Mapping[str, Any]) -> list[Leftover]:
    try:
        goal = Goal.from_json(document["seat"])
        n_trials = int(document["settings"]["hpo"]["n_trials"])
        legs = _legs(document)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as err:
        raise SettingsError([f"campaign.json was changed: {err}"], where="the campaign") from err
    state = read_through(layout.journal, lambda events: _fold(events, goal))
    return find(layout, state, legs, n_trials)


def _legs(document: Mapping[str, Any]) -> LegPolicy:
    """How trials are cut, as far as it says which of them may go on."""
    rungs = document["identity"].get("scheduler") or {}
    levels = rungs.get("levels")
    if not levels:
        return WholeTrials()
    return Asha(
        max_t=int(levels[-1]),
        grace_period=int(levels[0]),
        reduction_factor=max(2, int(rungs["reduction_factor"])),
        stopping=rungs["type"] == "stopping",
        brackets=int(rungs.get("brackets", 1)),
    )


def _fold(events: Iterator[Event], goal: Goal) -> CampaignState:
    state = CampaignState(goal)
    for event in events:
        apply(state, event)
    return state


def _tell(layout: Layout, found: list[Leftover]) -> None:
    say(f"what could go of {layout.root}:")
    for kind in Kind:
        alike = [leftover for leftover in found if leftover.kind is kind]
        if alike:
            use = DiskUse(sum(one.size for one in alike), sum(one.files for one in alike))
            say(f"{in_bytes(use):>8}  {use.files:>7} files  {kind.value}")
    for leftover in found:
        if leftover.kind is Kind.ASIDE:
            say(f"          {leftover.path}")
    say(f"{in_bytes(DiskUse(sum(one.size for one in found), 0)):>8}  together")


def _is_wanted(typed: str) -> bool:
    if not sys.stdin.isatty():
        problem = f"nobody can say yes here: type `hpo clean {shell_words([typed])} --yes`"
        raise SettingsError([problem], where="the command")
    say("remove all of this? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _require_nothing_lives(layout: Layout, document: Mapping[str, Any], executor: str) -> None:
    """Refuse where a job holds a trial, or the cluster knows a job that has not ended.

    Raises:
        CampaignLockedError: it is so, or nobody can say.
    """
    held = [leg for leg in list_legs(layout.claims) if not leg.done]
    if held:
        raise CampaignLockedError(
            f"{len(held)} trials of {layout.root} are held by jobs, of which nobody has said what "
            "became of them: let the campaign end, or start and stop it once, and clean then"
        )
    if executor == "simulated" or origin(layout, document) is not None:
        return  # jobs of a campaign that this is a copy of live for the other folder
    start = last_start(document)
    if executor == "local" and start is not None and start.host != socket.gethostname():
        raise CampaignLockedError(
            f"the jobs of {layout.root} are processes of {start.host}: type this there"
        )
    cluster = jobs_of(executor, layout, document["campaign"])
    try:
        statuses = {} if cluster is None else cluster.poll(())
    except PollError as err:
        raise CampaignLockedError(
            f"nobody can say whether jobs of {layout.root} still run: {err}. Try again later"
        ) from err
    live = sorted(i for i, status in statuses.items() if status.phase is not JobPhase.ENDED)
    if live:
        raise CampaignLockedError(
            f"{len(live)} jobs of {layout.root} still run or wait ({', '.join(live[:5])}): let "
            "them end, or `hpo stop` them"
        )
