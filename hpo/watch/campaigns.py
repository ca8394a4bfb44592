"""Which campaigns are looked at: those that were named, or lie below a folder that was."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from hpo.folder.campaigns import campaigns_below
from hpo.folder.files import Layout


def campaigns_in(folders: Sequence[Path]) -> list[Path]:
    """The campaigns' folders; a folder that is none stands for those in it, newest first."""
    found: dict[Path, None] = {}
    for folder in folders:
        if os.path.lexists(Layout(folder).campaign):
            found[folder] = None
            continue
        try:
            found |= dict.fromkeys(campaigns_below(folder))
        except OSError:
            continue
    return list(found)
