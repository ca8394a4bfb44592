"""When a script that was told to pause has its checkpoint on disk.

A script's lines say that an epoch is over, not that it is saved: of Syne Tune's own scripts some
save before they report and some right after. Owns that question. Looks at the checkpoint folder of
this node's own script only (so times of files are this node's own); signals nobody.
"""

from __future__ import annotations

import contextlib
import time
from pathlib import Path

START_S = 2.0  # from a report to the first byte of the checkpoint, for those who save after it
SETTLE_S = 0.05  # between two files of one checkpoint
Content = frozenset[tuple[str, int, int, int]]


class SavingWatch:
    """Looks at the checkpoint folder of a running script; None: the script saves nothing."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = None if folder is None else folder.resolve()
        self._at_start = self._latest = self._content()
        self._at_report = self._at_start
        self._reported_at = self._since = 0.0
        self._saves_first: bool | None = None

    def note_report(self, pid: int) -> None:
        """The script has reported; the first report shows whether it saves before or after it."""
        self._at_report, self._reported_at = self._content(), time.monotonic()
        if self._saves_first is None:
            # What it still writes does not count: it may have begun after the report.
            self._saves_first = not self._paths_since(self._at_start) <= self._open_files(pid)

    def is_saved(self, pid: int) -> bool:
        """Whether the script of `pid` may be ended without harm to the checkpoint it writes."""
        if self._folder is None or self._saves_first:
            return True
        content, now = self._content(), time.monotonic()
        written = self._paths_since(self._at_report)
        if content != self._latest or written & self._open_files(pid):
            self._latest, self._since = content, now
            return False
        if not written:  # it does not save every epoch, or is slow to begin
            return now >= self._reported_at + START_S
        return now >= self._since + SETTLE_S

    def _paths_since(self, before: Content) -> set[str]:
        return {entry[0] for entry in self._content() - before}

    def _content(self) -> Content:
        if self._folder is None:
            return frozenset()
        found = []
        for path in self._folder.rglob("*"):
            try:
                status = path.stat()
            except OSError:
                continue  # because it may be renamed meanwhile
            found.append((str(path), status.st_ino, status.st_size, status.st_mtime_ns))
        return frozenset(found)

    def _open_files(self, pid: int) -> set[str]:
        """What the process has open for writing; nothing where there is no /proc."""
        found = set()
        # Suppressed, because the process may end, or close a file, meanwhile.
        with contextlib.suppress(OSError):
            for link in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    # The permissions of the link show how the file was opened.
                    if link.lstat().st_mode & 0o200:
                        found.add(str(link.readlink()))
        return found
