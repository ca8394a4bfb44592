"""Has `report.html` written while the campaign runs and at its end, by a process of its own.

That page is derived, and needs packages that the manager does without. So the manager imports
nothing of it: a child runs `hpo report`, one at a time and out of the way, and whatever becomes of
it holds up nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import subprocess
import time
from collections.abc import Callable
from importlib.util import find_spec

from hpo.folder import opening
from hpo.folder.files import Layout
from hpo.manager import own_command
from hpo.manager.own_command import SWITCH

log = logging.getLogger(__name__)

EVERY_S = 600.0  # where anything has changed
MOST_S = 300.0  # that one page may take
LAST_S = 60.0  # for which the end of a campaign waits for its page
_LITTER = re.compile(r"\.report\.html\.[0-9a-f]{8}\.tmp")


class PageWriter:
    """The page of one campaign; times are real ones (s), also in a simulation."""

    def __init__(
        self,
        layout: Layout,
        *,
        clock: Callable[[], float] = time.monotonic,
        every_s: float = EVERY_S,
        last_s: float = LAST_S,
    ) -> None:
        self._layout = layout
        self._clock = clock
        self._every_s, self._last_s = every_s, last_s
        self._due_at = clock() + every_s
        self._began_at = 0.0
        self._news = False
        self._child: subprocess.Popen[bytes] | None = None
        self._is_off = bool(os.environ.get(SWITCH))
        self._told = False  # that it could not be written

    def look(self, *, news: bool) -> None:
        """Begin a page where one is due, and see what became of the last; never waits."""
        self._news |= news
        if self._child is not None:
            if self._child.poll() is not None:
                self._end()
            elif self._clock() > self._began_at + MOST_S:
                self._drop(f"it took more than {MOST_S:.0f} s")
        elif self._news and self._clock() >= self._due_at and self._can():
            self._begin(politely=True)

    def finish(self, asked_to_leave: Callable[[], bool]) -> None:
        """The page of the ended campaign, waited for, but not for long."""
        self.leave()
        if not self._can() or not self._begin(politely=False):
            return
        child, until = self._child, self._clock() + self._last_s
        while child is not None and child.poll() is None:
            if asked_to_leave() or self._clock() > until:
                self._drop("the campaign's end did not wait for it any longer")
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.05)
        if self._end():
            log.info("the campaign as a page: %s", self._layout.report)

    def leave(self) -> None:
        """Leave nothing behind that is under way."""
        if self._child is not None:
            self._drop(None)

    def _can(self) -> bool:
        if not self._is_off and find_spec("jinja2") is None:
            self._is_off = True
            log.info("no report.html, which needs jinja2: pip install 'hpo-campaign[report]'")
        return not self._is_off

    def _begin(self, *, politely: bool) -> bool:
        self._sweep()
        self._news, self._began_at = False, self._clock()
        try:
            self._child = own_command.begin(["report", str(self._layout.root)], politely=politely)
        except OSError as err:
            self._failed(str(err))
            return False
        return True

    def _end(self) -> bool:
        """Take leave of a child that has ended; whether the page was written."""
        child, self._child = self._child, None
        assert child is not None
        assert child.stderr is not None
        with child.stderr:
            said = child.stderr.read(10_000).decode("utf-8", "replace").strip()
        self._due_at = self._clock() + self._every_s
        if child.returncode == 0:
            return True
        last = said.splitlines()[-1] if said else f"it ended with {child.returncode}"
        self._failed(last)
        self._sweep()
        return False

    def _drop(self, why: str | None) -> None:
        child = self._child
        assert child is not None
        child.kill()
        child.wait()
        self._child = None
        assert child.stderr is not None
        child.stderr.close()
        self._due_at = self._clock() + self._every_s
        if why is not None:
            self._failed(why)
        self._sweep()

    def _failed(self, why: str) -> None:
        self._due_at = self._clock() + self._every_s
        if not self._told:
            self._told = True
            log.warning("report.html was not written: %s. The campaign does not need it", why)

    def _sweep(self) -> None:
        """Remove what a child that was killed had begun to write."""
        with contextlib.suppress(OSError):
            for name in opening.names_in(self._layout.root):
                if _LITTER.fullmatch(name):
                    opening.remove(self._layout.root / name)
