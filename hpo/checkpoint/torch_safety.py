"""Whether this torch may read tensors that others could have put there.

`torch.load(weights_only=True)` of torch before 2.6 runs code that is in the file (CVE-2025-32434).
In a folder that only its owner writes, the file is the owner's own.
"""

from __future__ import annotations

import logging
import re
import stat
from pathlib import Path
from typing import Any

from hpo.errors import ReportError

log = logging.getLogger(__name__)

SAFE = (2, 6)
UPDATE = "pip install -U 'torch>=2.6'"
_ABOVE = 4  # checkpoint/, trial_N/, trials/ and the campaign's folder
_told: set[str] = set()


def require_safe(torch: Any, checkpoint: Path) -> None:
    """Refuse an old torch where others can write; elsewhere say once how to update it.

    Raises:
        ReportError: the checkpoint may be somebody else's.
    """
    version = str(torch.__version__)
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) >= SAFE:
        return
    if is_exposed(checkpoint):
        raise ReportError(
            f"torch {version} does not read checkpoints safely (CVE-2025-32434), and others can "
            f"write into {checkpoint.parent}: {UPDATE}"
        )
    if version not in _told:
        _told.add(version)
        log.warning(
            "torch %s does not read checkpoints safely (CVE-2025-32434); these are your own. To "
            "update it: %s",
            version,
            UPDATE,
        )


def is_exposed(checkpoint: Path) -> bool:
    """Whether others can write the checkpoint, or put another one in its place."""
    folders = [checkpoint, *checkpoint.parents[:_ABOVE]]
    modes = [folder.stat().st_mode for folder in folders]
    enters = all(mode & (stat.S_IXGRP | stat.S_IXOTH) for mode in modes[1:])
    return enters and any(mode & (stat.S_IWGRP | stat.S_IWOTH) for mode in modes)
