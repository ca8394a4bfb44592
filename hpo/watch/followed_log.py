r"""A log that somebody writes: its last lines, as a terminal would show them.

Of a line that was overwritten by `\r`, as progress bars are, the last state is what counts.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

from hpo.folder.growing import Growing
from hpo.shown import one_line

TAIL_BYTES = 200_000  # that are read at first
MOST_LINES = 2000
MOST_CHARACTERS = 2000  # of a line


class FollowedLog:
    """One log."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = Growing(path, tail_bytes=TAIL_BYTES)
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._rest = ""

    def look(self) -> list[str]:
        """The last lines, with what came since the last look.

        Raises:
            OSError: missing, no plain file, or not readable just now.
        """
        found = self._file.look()
        if found.anew:
            self._lines.clear()
        self._lines.extend(_shown(line) for line in found.lines)
        rest = _shown(found.rest)
        return [*self._lines, rest] if rest else list(self._lines)


def _shown(line: bytes) -> str:
    kept = line.rstrip(b"\r")[-4 * MOST_CHARACTERS :].rpartition(b"\r")[2]
    return one_line(kept.decode("utf-8", "replace"))[:MOST_CHARACTERS]
