"""A file that somebody else appends to, read on from where the last look ended.

By its size and an offset: network filesystems tell nobody that a file has changed. Locks nothing,
changes nothing; whoever writes may cut the file, or put another one into its place.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hpo.errors import JournalError
from hpo.folder.files import open_plain
from hpo.folder.journal import MOST_LINE_BYTES, read_event, read_header
from hpo.record.events import Event

LOOK_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found: whole lines, without their ends; of one beyond all bounds pieces.

    `anew`: the file is another one, or shorter than it was, and the lines are its first, or its
    last where only those were asked for. `rest` is the begin of a line that has no end yet, and
    `left_bytes` lie behind and were not read yet.
    """

    lines: list[bytes]
    rest: bytes = b""
    anew: bool = False
    left_bytes: int = 0


class Growing:
    """One such file; `tail_bytes`: of what lies there at first only about so much is wanted."""

    def __init__(self, path: Path, *, tail_bytes: int | None = None) -> None:
        self.path = path
        self._tail_bytes = tail_bytes
        self._file: tuple[int, int] | None = None
        self._offset = 0

    def look(self) -> Look:
        """What came to it since the last look, at most LOOK_BYTES or one line.

        Raises:
            OSError: missing, no plain file, or not readable just now; the next look goes on.
        """
        with open_plain(self.path) as file:
            about = os.fstat(file.fileno())
            same = (about.st_dev, about.st_ino) == self._file and about.st_size >= self._offset
            if not same:
                self._file, self._offset = (about.st_dev, about.st_ino), 0
                if self._tail_bytes is not None and about.st_size > self._tail_bytes:
                    file.seek(about.st_size - self._tail_bytes)
                    self._offset = file.tell() + len(file.readline())
            file.seek(self._offset)
            data = file.read(LOOK_BYTES)
            full = len(data) == LOOK_BYTES
            if full and b"\n" not in data:
                data += file.readline(MOST_LINE_BYTES)
        end = data.rfind(b"\n") + 1 or (len(data) if full else 0)
        self._offset += end
        left = max(0, about.st_size - self._offset) if full else 0
        lines = data[:end].removesuffix(b"\n").split(b"\n") if end else []
        return Look(lines, b"" if full else data[end:], not same, left)

    def rewind(self) -> None:
        """The next look begins anew."""
        self._file, self._offset = None, 0


@dataclass(frozen=True, slots=True)
class JournalLook:
    """The events that came; `anew` and `left_bytes` as in Look.

    `fault`: behind them lies what no manager wrote; nothing is read beyond it.
    """

    events: list[Event]
    anew: bool = False
    left_bytes: int = 0
    fault: str = ""


class GrowingJournal:
    """The journal of a manager that may live, event by event."""

    def __init__(self, path: Path) -> None:
        self._lines = Growing(path)
        self._number = 0

    def look(self) -> JournalLook:
        """The events that came since the last look; where `anew`, those before do not count.

        Raises:
            OSError: it cannot be read now.
        """
        look = self._lines.look()
        if look.anew:
            self._number = 0
        events = []
        try:
            for line in look.lines:
                self._number += 1
                if self._number == 1:
                    read_header(line, self._lines.path)
                else:
                    events.append(read_event(line, self._lines.path, self._number))
        except JournalError as err:
            return JournalLook(events, look.anew, 0, str(err))
        return JournalLook(events, look.anew, look.left_bytes)

    def rewind(self) -> None:
        """The next look begins anew: the manager may have cut back what it could not write."""
        self._lines.rewind()
