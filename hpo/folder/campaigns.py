"""The campaigns in a folder, such as hpo_results/: found by their campaign.json, which is not read.

Which of them changed last is told by times of files, for people alone: nothing is decided from it.
"""

from __future__ import annotations

import os
from pathlib import Path

from hpo.folder.files import Layout

USUAL = Path("hpo_results")  # where campaigns lie that name no folder


def campaigns_below(folder: Path) -> list[Path]:
    """The folders right below that hold a campaign, the one that changed last first.

    Raises:
        OSError: the folder is missing or cannot be read.
    """
    changed: dict[Path, float] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            root = folder / entry.name
            if (begun := _changed(Layout(root).campaign)) is not None:
                changed[root] = max(begun, _changed(Layout(root).status) or 0.0)
    return sorted(changed, key=lambda root: (-changed[root], root.name))


def _changed(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None
