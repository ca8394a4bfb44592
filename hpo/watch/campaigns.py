"""Which campaigns are looked at: those that were named, or lie below a folder that was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpo.folder.files import Layout

DEFAULT = Path("hpo_results")


def campaigns_in(folders: Sequence[Path]) -> list[Path]:
    """The campaigns' folders, newest start first; a folder that is none stands for those in it."""
    found: dict[Path, None] = {}
    for folder in folders:
        if _is_one(folder):
            found[folder] = None
            continue
        try:
            inner = sorted(path for path in folder.iterdir() if _is_one(path))
        except OSError:
            continue
        found |= dict.fromkeys(sorted(inner, key=_age))
    return list(found)


def _is_one(folder: Path) -> bool:
    try:
        return Layout(folder).campaign.is_file()
    except OSError:
        return False


def _age(folder: Path) -> float:
    """For the order of a list alone."""
    try:
        return -Layout(folder).journal.stat().st_mtime
    except OSError:
        return 0.0
