"""The job's log, kept from filling the disk: head and tail stay, the middle goes.

Owns the cut. The log is a file that SLURM opened for appending, and whatever the trial starts
writes there by itself; so nobody stands between them and the file: now and then its size is looked
at, and where it is over the limit the file is cut after its head, and its last lines are appended
again. What is printed in that moment may be lost or come before them. Standard library only.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

SHARE = 4  # of the limit: the head, and as much of the tail
MARK = b"\n[%d MB of this log are left out here: log_limit]\n"
STDOUT = 1
_CHUNK = 1 << 20


class LimitedLog:
    """The file behind the standard output of this job, where it is its log at `path`."""

    def __init__(self, path: Path, limit_bytes: int, descriptor: int = STDOUT) -> None:
        self._path = path
        self._limit = limit_bytes
        self._descriptor = descriptor
        self._left_out = 0
        self._head: int | None = None  # bytes, once it was cut

    def look(self) -> bool:
        """Cut it where it has grown beyond the limit; whether that was done. Never raises."""
        try:
            found = os.fstat(self._descriptor)
            if found.st_size <= self._limit or not self._is_appended_to(found):
                return False
            file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                if not os.path.samestat(os.fstat(file), found):
                    return False
                self._cut(file, found.st_size)
            finally:
                os.close(file)
        except OSError:
            return False  # to be tried again at the next look
        return True

    def _is_appended_to(self, found: os.stat_result) -> bool:
        """Whether writers go on at the end of a file that has become shorter."""
        flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
        return stat.S_ISREG(found.st_mode) and bool(flags & os.O_APPEND)

    def _cut(self, file: int, size: int) -> None:
        share = self._limit // SHARE
        if self._head is None:
            self._head = _to_line_end(os.pread(file, share, 0))
        tail = os.pread(file, share, size - share)
        tail = tail[_after_line_start(tail) :]
        size = os.fstat(file).st_size  # it may have grown while this was read
        self._left_out += size - self._head - len(tail)
        os.ftruncate(file, self._head)
        data = memoryview(MARK % round(self._left_out / 1e6) + tail)
        while data:
            data = data[os.write(file, data[:_CHUNK]) :]


def _to_line_end(data: bytes) -> int:
    """How much of the head to keep: whole lines, where it has some."""
    return data.rfind(b"\n") + 1 or len(data)


def _after_line_start(data: bytes) -> int:
    """Where the tail's first whole line starts; progress bars are one line without an end."""
    return data.find(b"\n") + 1
