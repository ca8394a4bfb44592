"""Saving and resuming a trial: complete checkpoints or none, never half.

`store` owns the folders, `reading` the checks, `snapshot` and `restorable` what an object looks
like in files, `global_random` the random states that belong to no object.
"""

from __future__ import annotations

from hpo.checkpoint.reading import Checkpoint
from hpo.checkpoint.snapshot import check_restorable
from hpo.checkpoint.store import FOLDER, discard, find, load_newest, require_listing, save, written

__all__ = [
    "FOLDER",
    "Checkpoint",
    "check_restorable",
    "discard",
    "find",
    "load_newest",
    "require_listing",
    "save",
    "written",
]
