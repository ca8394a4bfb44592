"""What of a campaign could go, while nothing of it runs: found, counted, removed.

Owns what counts as such: checkpoints that no trial goes on from, logs of jobs, what seats were
submitted with, campaigns that `--fresh` moved aside. Nothing is reached through a link, and what
belongs to somebody else stays, with all that it lies in. Best under the manager's lock.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from hpo import checkpoint
from hpo.decisions.whole_trials import LegPolicy
from hpo.folder import opening
from hpo.folder.disk_use import DiskUse, disk_use
from hpo.folder.files import CHECKPOINTS, Layout
from hpo.manager.checkpoint_keeper import useless
from hpo.record.state import CampaignState

_LOG = re.compile(r"\w[\w-]*\.(out|err)")
_SUBMITTED = re.compile(r"\w*submission\.sh|\w+\.pkl")
_LINK = re.compile(r"job_[\w-]+\.out")
_ASIDE = r"{}\.old-\d{{8}}-\d{{6}}x*"


class Kind(Enum):
    """What is left, and what is lost with it."""

    CHECKPOINTS = "checkpoints that no trial goes on from; an extension would train these anew"
    LOGS = "logs of jobs; `hpo why` has no last words then"
    SUBMITTED = "what jobs were submitted with"
    ASIDE = "campaigns that --fresh moved aside, with all their results"


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing of a kind; `size` is in bytes, and an estimate for a very large folder."""

    kind: Kind
    path: Path
    size: int
    files: int


def find(layout: Layout, state: CampaignState, legs: LegPolicy, n_trials: int) -> list[Leftover]:
    """What could go now.

    Raises:
        OSError: a folder cannot be listed.
    """
    found = []
    for trial_id in sorted(useless(state, legs, "promotable", n_trials)):
        folder = layout.trial(trial_id)
        if (use := _saved(folder)).files:
            found.append(Leftover(Kind.CHECKPOINTS, folder / CHECKPOINTS, use.size, use.files))
    for name in sorted(opening.names_in(layout.jobs)):
        kind = Kind.LOGS if _LOG.fullmatch(name) else Kind.SUBMITTED
        info = _info(layout.jobs / name)
        if info is None or not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid():
            continue
        if kind is Kind.LOGS or _SUBMITTED.fullmatch(name):
            found.append(Leftover(kind, layout.jobs / name, info.st_size, 1))
    for root in _moved_aside(layout):
        use = disk_use(root)
        found.append(Leftover(Kind.ASIDE, root, use.size, use.files))
    return found


def remove(layout: Layout, leftovers: Iterable[Leftover]) -> tuple[int, list[str]]:
    """Remove them: how many bytes that freed, and what could not be removed, in words."""
    freed, kept = 0, list[str]()
    for leftover in leftovers:
        if (whose := _others_file(leftover.path)) is not None:
            kept.append(f"{leftover.path}: {whose} belongs to somebody else")
            continue
        if leftover.kind is Kind.CHECKPOINTS:
            freed += checkpoint.discard(leftover.path.parent)
            continue
        why: list[OSError] = []
        try:
            with opening.opened(leftover.path.parent) as home:
                freed += opening.remove_tree_in(home, leftover.path.name, why)
        except OSError as err:
            why.append(err)
        kept += [f"{leftover.path}: {err.strerror or err}" for err in why]
    _remove_dangling_links(layout)
    return freed, kept


def _saved(folder: Path) -> DiskUse:
    """What is saved of a trial, but for what users' code saved itself, which stays."""
    uses = [disk_use(path) for path in checkpoint.written(folder)]
    return DiskUse(sum(use.size for use in uses), sum(use.files for use in uses))


def _moved_aside(layout: Layout) -> Iterator[Path]:
    """Only what is a campaign of this user, and was not started again."""
    pattern = re.compile(_ASIDE.format(re.escape(layout.root.name)))
    for name in sorted(os.listdir(layout.root.parent)):
        root = layout.root.parent / name
        if not pattern.fullmatch(name) or not _is_folder(root):
            continue
        info, old = _info(root), Layout(root)
        is_own = info is not None and info.st_uid == os.geteuid()
        if is_own and _info(old.campaign) is not None and _info(old.lock) is None:
            yield root


def _remove_dangling_links(layout: Layout) -> None:
    """The trials' links to logs that are gone."""
    try:
        trials = opening.names_in(layout.trials)
    except OSError:
        return
    for name in trials:
        folder = layout.trials / name
        try:
            links = [link for link in opening.names_in(folder) if _LINK.fullmatch(link)]
        except OSError:
            continue
        for link in links:
            path = folder / link
            if path.is_symlink() and not path.exists():
                opening.remove(path)


def _others_file(path: Path) -> Path | None:
    """Something of somebody else's in a tree; None: there is none."""
    waiting = [path]
    while waiting:
        here = waiting.pop()
        info = _info(here)
        if info is None:
            continue
        if info.st_uid != os.geteuid():
            return here
        if stat.S_ISDIR(info.st_mode):
            try:
                waiting += [here / name for name in os.listdir(here)]
            except OSError:
                return here
    return None


def _is_folder(path: Path) -> bool:
    info = _info(path)
    return info is not None and stat.S_ISDIR(info.st_mode)


def _info(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except OSError:
        return None
