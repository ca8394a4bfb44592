"""Prints what another process adds to a file, as `tail -f` does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

from hpo.shown import one_line


class Follower:
    """Use as a context; what came last is printed at its end. With `path` None nothing is."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._rest = ""

    def __enter__(self) -> Follower:
        if self._path is not None:
            self._file = self._path.open(encoding="utf-8", errors="replace")
        return self

    def __exit__(self, *exc: object) -> None:
        self.follow()
        if self._rest:
            self._print(self._rest)
        if self._file is not None:
            self._file.close()

    def follow(self) -> None:
        """Print the lines that came since."""
        if self._file is None:
            return
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for line in lines:
            self._print(line)

    @staticmethod
    def _print(line: str) -> None:
        sys.stdout.write(one_line(line) + "\n")
        sys.stdout.flush()
