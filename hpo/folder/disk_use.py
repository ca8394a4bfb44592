"""How much room a folder takes, without following a link, and without looking at it for ever."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

MOST_ENTRIES = 50_000  # a network filesystem tells some thousand a second


class DiskUse(NamedTuple):
    """Bytes and files; `is_all`: of a very large folder, or one that cannot be read, some."""

    size: int
    files: int
    is_all: bool = True


def disk_use(folder: Path, most_entries: int = MOST_ENTRIES) -> DiskUse:
    """What lies in the folder and below; a file with several names counts once."""
    size = files = seen = 0
    is_all, twice = True, set[tuple[int, int]]()
    waiting = [folder]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    seen += 1
                    if seen > most_entries:
                        return DiskUse(size, files, is_all=False)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(Path(entry.path))
                        continue
                    info = entry.stat(follow_symlinks=False)
                    if info.st_nlink > 1:
                        if (info.st_dev, info.st_ino) in twice:
                            continue
                        twice.add((info.st_dev, info.st_ino))
                    files += 1
                    size += info.st_size
        except OSError:  # gone meanwhile, or somebody else's
            is_all = False
    return DiskUse(size, files, is_all)
