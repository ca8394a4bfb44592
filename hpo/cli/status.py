"""`hpo status [DIR …]`: how campaigns stand, from a few files of theirs.

Reads only, asks SLURM nothing; works beside a manager, after it died, and on a copied folder.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.cli.printing import say
from hpo.errors import EXIT_FINISHED, SettingsError
from hpo.folder import stop as stop_request
from hpo.folder.campaign import last_start, require
from hpo.folder.campaigns import USUAL, campaigns_below
from hpo.folder.copies import origin
from hpo.folder.files import Layout
from hpo.folder.offers import list_legs
from hpo.folder.safety import other_owner
from hpo.manager.liveness import Life, ManagerSeen, look
from hpo.report.status_document import Beat, Status
from hpo.report.status_words import NAME_COLUMNS, Look, Part, Shown, clock, lines, short_line, width
from hpo.shown import one_line, shell_words
from hpo.units.duration import in_words

LEAST_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A campaign as it was found; `status` None: nothing is told of it yet."""

    layout: Layout
    typed: Path
    document: Mapping[str, Any]
    status: Status | None
    manager: ManagerSeen

    @property
    def has_ended(self) -> bool:
        """Whether nothing is going to change."""
        return self.status is not None and self.status.ended is not None


def status(arguments: Namespace) -> int:
    """Tell how campaigns stand; the exit code.

    Raises:
        SettingsError: there is no campaign to be told of.
    """
    every_s: float | None = arguments.every
    if every_s is not None and not LEAST_EVERY_S <= every_s < math.inf:
        raise SettingsError(
            [f"--every {every_s:g}: give {LEAST_EVERY_S:g} s or more"], where="the command"
        )
    roots = _roots([Path(typed) for typed in arguments.campaigns])
    if every_s is None:
        _tell([see(root) for root in roots], as_json=arguments.json)
        return EXIT_FINISHED
    try:
        _tell_again(roots, every_s, as_json=arguments.json)
    except KeyboardInterrupt:  # the usual way out
        say("")
    return EXIT_FINISHED


def _roots(typed: list[Path]) -> list[Path]:
    """The campaigns that are meant: a folder of campaigns stands for the newest in it."""
    if not typed:
        if not USUAL.is_dir():
            problem = f"there is no {USUAL} here; name the output directory of a campaign"
            raise SettingsError([problem], where="the command")
        return [_newest(USUAL)]
    return [root if os.path.lexists(Layout(root).campaign) else _newest(root) for root in typed]


def _newest(folder: Path) -> Path:
    try:
        found = campaigns_below(folder)
    except OSError:
        found = []
    return found[0] if found else folder  # which is refused in the usual words


def see(root: Path, *, thoroughly: bool = True) -> Seen:
    """What the files of a campaign tell; `thoroughly`: without a status its journal, which lasts.

    Raises:
        SettingsError: there is no campaign in the folder.
    """
    layout, document = require(root)
    told = Status.read(layout)
    if told is None and thoroughly:
        from hpo.cli.status_of_journal import status_of_journal  # here, because it takes long

        told = status_of_journal(layout, document)
    return Seen(layout, root, document, told, look(layout, Beat() if told is None else told.beat))


def _tell_again(roots: list[Path], every_s: float, *, as_json: bool) -> None:
    while True:
        seen = [see(root) for root in roots]
        if sys.stdout.isatty() and not as_json:
            sys.stdout.write("\x1b[H\x1b[2J")  # home, and clear
        _tell(seen, as_json=as_json)
        if all(campaign.has_ended for campaign in seen):
            return
        if not as_json and not sys.stdout.isatty():
            say("")
        time.sleep(every_s)


def _tell(seen: list[Seen], *, as_json: bool) -> None:
    how = _look()
    columns = max((min(NAME_COLUMNS, width(_name(campaign))) for campaign in seen), default=0)
    for campaign in seen:
        if as_json:
            told = [json.dumps(_for_programs(campaign))]
        elif len(seen) > 1:
            told = [short_line(campaign.status, _shown(campaign), how, columns)]
        else:
            told = _lines(campaign, how)
        for line in told:
            print(line, flush=True)


def lines_of(root: Path, how: Look) -> list[str]:
    """What is told of the campaign in `root`.

    Raises:
        SettingsError: there is none.
    """
    return _lines(see(root), how)


def _lines(seen: Seen, how: Look) -> list[str]:
    if seen.status is None:
        return lines(Status(), _shown(seen), how)[:1]
    return lines(seen.status, _shown(seen), how)


def _look() -> Look:
    """What the terminal can show; in a pipe no colour, and lines as long as on a usual one."""
    is_terminal = sys.stdout.isatty()
    colour = is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    columns = shutil.get_terminal_size((80, 24)).columns if is_terminal else _asked_columns()
    try:
        "█▁…".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return Look(columns, colour, blocks=False)
    return Look(columns, colour)


def _asked_columns() -> int:
    text = os.environ.get("COLUMNS", "")
    return int(text) if text.isdecimal() and 0 < len(text) < 6 and int(text) else 100


def _name(seen: Seen) -> str:
    return one_line(seen.layout.root.name)


def _for_programs(seen: Seen) -> dict[str, Any]:
    told = {} if seen.status is None else dict(seen.status.document)
    return {
        "folder": str(seen.layout.root),
        "manager_life": seen.manager.life.value,
        "manager_seen": seen.manager.seen_at,
        **told,
    }


def _now(seen: Seen) -> float:
    """The campaign's time: its clock, of a simulated one too, has gone on since the last beat."""
    told, now = seen.status, time.time()
    if told is None or told.updated is None or told.beat.at is None:
        return now
    return told.updated + max(0.0, now - told.beat.at)


def _shown(seen: Seen) -> Shown:
    folder = shell_words([str(seen.typed)])
    first = _first(seen)
    go_on = ""
    if seen.manager.life is not Life.LIVES and not seen.has_ended:
        start = last_start(seen.document)
        if start is not None:
            go_on = f"cd {shell_words([start.folder])} && {one_line(start.command)}"
    lives = seen.manager.life is Life.LIVES
    return Shown(_name(seen), _now(seen), first, folder, go_on, is_managed=lives)


def _first(seen: Seen) -> list[Part]:
    """What matters most: does it run, since when, by whom."""
    parts = _life(seen)
    if (owner := other_owner(seen.layout.root)) is not None:
        parts.append(Part(f"; it belongs to {one_line(owner)}"))
    if (other := origin(seen.layout, seen.document)) is not None:
        how = "moved" if other.is_gone else "copied"
        parts.append(Part(f"; {how} from {one_line(other.path)}"))
    return parts


def _life(seen: Seen) -> list[Part]:
    told, manager = seen.status, seen.manager
    now, wall = _now(seen), time.time()
    began = None if told is None or told.started is None else told.started
    if told is not None and told.ended is not None:
        at = told.updated or now
        lasted = "" if began is None else f" after {in_words(max(0.0, at - began))}"
        when = f", {in_words(max(0.0, now - at))} ago"
        style = "good" if told.best_error is not None else "bad"
        return [Part(f"ended: {one_line(told.ended)}", style), Part(lasted + when)]
    who = _who(manager)
    gone = None if manager.seen_at is None else max(0.0, wall - manager.seen_at)
    since = "" if gone is None or manager.seen_at is None else _since(manager.seen_at, gone, wall)
    if manager.life is Life.LIVES:
        doing = "running" if told is None or told.ending is None else "ending"
        age = "" if began is None else f" {in_words(max(0.0, now - began))}"
        why = "" if told is None or told.ending is None else f" ({one_line(told.ending)})"
        request = stop_request.read(seen.layout)
        asked = f", {one_line(request.by)} asked to stop ({request.how})" if request else ""
        sign = "" if gone is None else f", seen {in_words(gone)} ago"
        return [Part(f"{doing}{age}{why}", "good"), Part(f", manager {who}"), Part(sign + asked)]
    if manager.life is Life.SILENT:
        check = f": squeue -j {one_line(manager.job_id)}" if manager.job_id else ""
        return [
            Part(f"NO SIGN of its manager{since}", "odd"),
            Part(f", {who}; whether it lives cannot be seen from here{check}"),
            _held(seen),
        ]
    if manager.life is Life.DEAD:
        return [Part(f"manager DEAD{since}", "bad"), Part(f", {who}"), _held(seen)]
    return [Part(f"NO MANAGER{since}", "bad"), _held(seen)]


def _who(manager: ManagerSeen) -> str:
    what = f"job {manager.job_id}" if manager.job_id else f"process {manager.pid}"
    return one_line(f"{what} on {manager.host}" if manager.host else what)


def _since(at: float, gone_s: float, wall: float) -> str:
    return f" since {clock(at, wall)} ({in_words(gone_s)})"


def _held(seen: Seen) -> Part:
    """What goes on without a manager: the jobs that hold legs, as their claims say."""
    try:
        held = sum(not leg.done for leg in list_legs(seen.layout.claims))
    except OSError:
        return Part("; what runs cannot be seen now")
    if not held:
        return Part("; no job holds a trial")
    return Part(f"; {held} trials are held by jobs, which go on if they live")
