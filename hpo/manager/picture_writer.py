"""Has the pictures in plots/ drawn once a campaign has ended, by a process of its own.

They are derived, and need matplotlib, which the manager does without; see `own_command`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec

from hpo.folder.files import Layout
from hpo.manager import own_command

log = logging.getLogger(__name__)

LAST_S = 60.0  # for which the end of a campaign waits for them


class PictureWriter:
    """The pictures of one campaign; times are real ones (s), also in a simulation."""

    def __init__(self, layout: Layout, *, last_s: float = LAST_S) -> None:
        self._layout = layout
        self._last_s = last_s
        self._child: subprocess.Popen[bytes] | None = None
        self._until = 0.0

    def begin(self) -> None:
        """Start to draw, where matplotlib is there."""
        if os.environ.get(own_command.SWITCH) or find_spec("matplotlib") is None:
            return
        self._until = time.monotonic() + self._last_s
        try:
            self._child = own_command.begin(["plots", str(self._layout.root)], politely=True)
        except OSError as err:
            log.warning("no pictures were drawn: %s. The campaign does not need them", err)

    def finish(self, asked_to_leave: Callable[[], bool]) -> None:
        """Wait for them, but not for long."""
        child, self._child = self._child, None
        if child is None:
            return
        assert child.stderr is not None
        with child.stderr:
            while child.poll() is None and not asked_to_leave() and time.monotonic() < self._until:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(0.05)
            if child.poll() is None:
                child.kill()
                child.wait()
                log.warning(
                    "the campaign's end did not wait for all pictures; `hpo plots %s` draws them",
                    self._layout.root,
                )
            elif child.returncode == 0:
                log.info("pictures: %s", self._layout.plots)
            else:
                said = child.stderr.read(10_000).decode("utf-8", "replace").strip().splitlines()
                last = said[-1] if said else f"it ended with {child.returncode}"
                log.warning("no pictures were drawn: %s. The campaign does not need them", last)
