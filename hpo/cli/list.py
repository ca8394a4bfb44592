"""`hpo list [DIR]`: the campaigns in a folder, a line each, the newest first. Reads only."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpo.cli.printing import say
from hpo.cli.status import Seen, see
from hpo.errors import EXIT_FINISHED, SettingsError
from hpo.folder.campaigns import USUAL, campaigns_below
from hpo.folder.disk_use import DiskUse, disk_use
from hpo.folder.files import Layout
from hpo.manager.liveness import Life
from hpo.report.status_words import NAME_COLUMNS, cut, width
from hpo.shown import one_line

HEAD = ("campaign", "stands", "trials", "best", "changed", "size")
RESTING = ("paused", "completed", "failed", "stopped")
NUMBERS = ("trials", "best", "size")
STANDS = {
    Life.LIVES: "running",
    Life.NONE: "no manager",
    Life.DEAD: "manager dead",
    Life.SILENT: "no sign of its manager",
}
UNITS = ("B", "kB", "MB", "GB", "TB")


def list(arguments: Namespace) -> int:
    """Print the table; the exit code.

    Raises:
        SettingsError: there is no such folder, or it cannot be read.
    """
    folder = Path(arguments.folder or USUAL)
    try:
        roots = campaigns_below(folder)
    except OSError as err:
        problem = f"{folder} cannot be listed: {err.strerror}; name a folder of campaigns"
        raise SettingsError([problem], where="the command") from err
    if not roots and Layout(folder).campaign.exists():
        problem = f"{folder} is a campaign itself: `hpo status` tells of it; name the folder above"
        raise SettingsError([problem], where="the command")
    rows = []
    for root in roots:
        try:
            seen = see(root, thoroughly=False)
        except SettingsError:  # its campaign.json cannot be read
            seen = None
        if arguments.json:
            print(json.dumps(_for_programs(root, seen, disk_use(root))), flush=True)
        else:
            rows.append(_row(root, seen, disk_use(root)))
    if rows:
        _print([HEAD, *rows])
    elif not arguments.json:
        say(f"no campaign in {folder}")
    return EXIT_FINISHED


def _stands(seen: Seen | None) -> str:
    if seen is None:
        return "campaign.json cannot be read"
    told = seen.status
    if told is not None and told.ended is not None:
        return f"ended: {one_line(told.ended)}"
    if told is not None and told.ending is not None and seen.manager.life is Life.LIVES:
        return f"ending: {one_line(told.ending)}"
    return STANDS[seen.manager.life]


def _row(root: Path, seen: Seen | None, use: DiskUse) -> Sequence[str]:
    told = None if seen is None else seen.status
    name = cut(one_line(root.name), NAME_COLUMNS)
    stands = cut(_stands(seen), NAME_COLUMNS)
    if told is None:
        return (name, stands, "", "", "", in_bytes(use))
    finished = sum(told.trials.get(word, 0) for word in RESTING)
    trials = f"{finished}/{max(told.n_trials or 0, sum(told.trials.values()))}"
    best = "" if told.best_error is None else f"{told.best_error:.4g}"
    at = told.beat.at
    changed = "" if at is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
    return (name, stands, trials, best, changed, in_bytes(use))


def _for_programs(root: Path, seen: Seen | None, use: DiskUse) -> dict[str, Any]:
    told = None if seen is None else seen.status
    return {
        "folder": str(root.absolute()),
        "stands": _stands(seen),
        "manager_life": None if seen is None else seen.manager.life.value,
        "trials": None if told is None else dict(told.trials),
        "n_trials": None if told is None else told.n_trials,
        "best_error": None if told is None else told.best_error,
        "changed": None if told is None else told.beat.at,
        "bytes": use.size,
        "files": use.files,
        "counted_all": use.is_all,
    }


def in_bytes(use: DiskUse) -> str:
    """`1.2 GB`, or `> 1.2 GB` where not all was counted."""
    size, unit = float(use.size), 0
    while size >= 999.5 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    told = f"{size:.0f} {UNITS[unit]}" if size >= 10 or not unit else f"{size:.1f} {UNITS[unit]}"
    return told if use.is_all else f"> {told}"


def _print(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(width(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        cells = []
        for name, cell, room in zip(HEAD, row, widths, strict=True):
            rest = " " * (room - width(cell))
            cells.append(f"{rest}{cell}" if name in NUMBERS else f"{cell}{rest}")
        print("  ".join(cells).rstrip(), flush=True)
