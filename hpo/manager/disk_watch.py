"""Says when the campaign's disk is full, and when it is not any more.

Jobs that cannot save stand still, and have nowhere to say so. Owns how often it is tried, and what
has been said; decides nothing.
"""

from __future__ import annotations

import errno
import logging
import os
import time

from hpo.folder import opening
from hpo.folder.files import Layout

log = logging.getLogger(__name__)

LOOK_S = 10.0
PROBE = b"\0" * 16384
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class DiskWatch:
    """The room in one campaign's folder; times in s."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._next_look = float("-inf")
        self._since: float | None = None

    def look(self, now: float, running: int) -> None:
        """Try to write, where it is time; `running` jobs would stand still."""
        if now < self._next_look:
            return
        self._next_look = now + LOOK_S
        try:
            self._write()
        except OSError as err:
            self.is_full(err, now, running)
            return
        if self._since is not None:
            since = time.strftime("%H:%M:%S", time.localtime(self._since))
            log.warning(
                "there is room in %s again: it was full for %.0f s, from %s on. Jobs that stood "
                "still go on by themselves",
                self._layout.root,
                now - self._since,
                since,
            )
            self._since = None

    def is_full(self, err: OSError, now: float, running: int | None = None) -> bool:
        """Whether an error tells that there is no room; said once."""
        if err.errno not in FULL:
            return False
        if self._since is None:
            self._since = now
            log.warning(
                "no room in %s (%s): jobs that run (%s) cannot save, and stand still. Make room: "
                "they go on by themselves, or give their trials back after some minutes",
                self._layout.root,
                os.strerror(err.errno or 0),
                "some" if running is None else running,
            )
        return True

    def _write(self) -> None:
        path = self._layout.probe
        try:
            with os.fdopen(opening.open_new(path), "wb") as file:
                file.write(PROBE)
                file.flush()
                os.fsync(file.fileno())
        finally:
            opening.remove(path)
