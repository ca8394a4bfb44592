"""Whether a campaign's folder is still where it was: told apart from a file server that is away.

Owns the identity of the folder and of all that lie above it. One failed look proves nothing; nor
does a missing mount, of which the folder below shows as empty.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

DELETED = " (deleted)"  # at the end of what Linux calls an open folder that is none any more


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder as it was at the start."""

    path: Path
    device: int
    inode: int

    def is_as_it_was(self) -> bool:
        """Whether its path leads to it.

        Raises:
            OSError: nobody can tell.
        """
        # By the inode alone: a file system that was mounted anew may have another device.
        return self.path.stat().st_ino == self.inode


class FolderPresence:
    """A folder, as it is when this is made; where all of `holds` are missing in it, it is gone."""

    def __init__(self, root: Path, holds: Collection[str] = ()) -> None:
        self._root, self._holds = root, holds
        self._chain = [_place(path) for path in (root, *root.parents)]
        # An open folder can be asked for its name, and keeps its inode from being used again.
        self._open = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._open)

    def why_gone(self) -> str | None:
        """What has become of the folder, in words; None: it is there, or nobody can tell now."""
        try:
            if self._chain[0].is_as_it_was():
                return "its files were deleted" if self._is_emptied() else None
            if not self._is_gone():
                return None
        except (FileNotFoundError, NotADirectoryError):
            if not self._is_gone():
                return None
        except OSError:
            return None
        return self._fate()

    def _is_emptied(self) -> bool:
        """Jobs that were writing may have kept it from being deleted as a whole."""
        if not self._holds or any(os.path.lexists(self._root / name) for name in self._holds):
            return False
        with os.scandir(self._root) as entries:
            return not any(entry.name in self._holds for entry in entries)

    def _is_gone(self) -> bool:
        """Whether a folder above it, which is as it was, shows that it is not there."""
        for child, parent in zip(self._chain, self._chain[1:], strict=False):
            try:
                if parent.is_as_it_was():
                    return _is_missing(child, parent)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError:
                return False
        return False

    def _fate(self) -> str:
        try:
            name = str(Path(f"/proc/self/fd/{self._open}").readlink())
            if name.endswith(DELETED):
                return "it was deleted"
            if Path(name).stat().st_ino == self._chain[0].inode:
                return f"it was moved to {name}"
        except OSError:
            pass
        return "it was moved or deleted"


def _place(path: Path) -> _Place:
    found = path.stat()
    return _Place(path, found.st_dev, found.st_ino)


def _is_missing(child: _Place, parent: _Place) -> bool:
    """Whether the parent, which can be read, holds another folder in the child's place, or none."""
    if child.device != parent.device:
        return False  # it was mounted there, and may be again
    try:
        with os.scandir(parent.path) as entries:
            if not any(entry.name == child.path.name for entry in entries):
                return True
        # What is mounted over it now hides it.
        return not child.is_as_it_was() and child.path.stat().st_dev == child.device
    except OSError:
        return False
