"""Where a step on files ends the manager, or fails: counted, and seen by an audit hook."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WRITING = ("open", "os.rename", "os.remove", "os.truncate", "os.mkdir")


class CrashError(BaseException):
    """The manager's process is gone; nothing of it runs any more."""


@dataclass
class CrashPoint:
    """Counts the manager's steps on files and cluster, and ends it before step `at`."""

    root: str
    at: int | None = None
    steps: int = 0
    armed: bool = False
    dead: bool = False

    def step(self) -> None:
        if not self.armed:
            return
        if self.dead:
            raise CrashError  # not even its clean-up happens
        self.steps += 1
        if self.steps == self.at:
            self.dead = True
            raise CrashError


@dataclass
class FaultPoint:
    """Counts the steps of manager and jobs on files, and fails at step `at`, or for a while then.

    Without room (`number` is ENOSPC or EDQUOT) only what writes fails.
    """

    root: str
    number: int
    at: int
    now: Callable[[], float]
    lasts_s: float = 0.0
    steps: int = 0
    until: float = float("-inf")
    failed: int = 0

    def step(self, event: str, path: str, flags: int = os.O_WRONLY) -> None:
        full = self.number in (errno.ENOSPC, errno.EDQUOT)
        if full and (event in LISTING or event == "os.remove" or not flags & WRITE_FLAGS):
            return
        self.steps += 1
        if self.steps == self.at:
            self.until = self.now() + self.lasts_s
        if self.steps == self.at or self.now() < self.until:
            self.failed += 1
            raise OSError(self.number, os.strerror(self.number), path)


LISTING = ("os.listdir", "os.scandir")
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT
_points: list[CrashPoint | FaultPoint] = []
_folder: list[str] = []  # the one opened last


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _points or event not in (*WRITING, *LISTING):
        return
    point = _points[-1]
    path = arguments[0]
    if not isinstance(path, (str, bytes)):
        return
    path = os.fsdecode(path)
    if event == "open" and arguments[2] & os.O_DIRECTORY:
        _folder[:] = [path]  # where what is opened by its name alone lies
        return
    if not path.startswith("/") and _folder:
        path = f"{_folder[-1]}/{path}"
    if not path.startswith(point.root):
        return
    if isinstance(point, FaultPoint):
        flags = arguments[2] if event == "open" else os.O_WRONLY
        point.step(event, path, flags)
    elif event in WRITING:
        point.step()


sys.addaudithook(_audit)


@contextmanager
def crashes(root: Path) -> Iterator[CrashPoint]:
    point = CrashPoint(str(root))
    _points.append(point)
    try:
        yield point
    finally:
        _points.remove(point)


@contextmanager
def fails(point: FaultPoint) -> Iterator[FaultPoint]:
    _points.append(point)
    try:
        yield point
    finally:
        _points.remove(point)
