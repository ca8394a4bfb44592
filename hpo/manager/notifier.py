"""Sends notices: by a command, or to a web address. Nothing of it ever holds up the manager.

A thread does it, one notice after the other, each within a time limit; what cannot be sent is said
once in the log, without the address, which may hold a token. The same thread tells somebody when
the manager itself has not looked at anything for long, because a file server holds it up.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Sequence
from types import TracebackType
from typing import TypeAlias

from hpo.errors import JournalForkError
from hpo.record.state import CampaignState
from hpo.report.notices import SILENT_S, Notice, Occasions
from hpo.shown import one_line

log = logging.getLogger(__name__)

LIMIT_S = 20.0  # for one notice on one way
LAST_S = 45.0  # for which the end of a campaign waits for what is under way
MOST_WAITING = 20  # notices; what comes beyond them is dropped
_PLACE = re.compile(r"\{(kind|campaign|subject|text|folder)\}")

Way: TypeAlias = Callable[[Notice], str | None]
"""Sends a notice within LIMIT_S; why it could not, None: it was sent."""


class CommandWay:
    """Runs a command, whose words may have places for parts of the notice."""

    def __init__(self, words: Sequence[str], campaign: str, folder: str) -> None:
        self._words = list(words)
        self._parts = {"campaign": campaign, "folder": folder}

    def __call__(self, notice: Notice) -> str | None:
        """See Way."""
        parts = {
            **self._parts,
            "kind": notice.kind,
            "subject": notice.subject,
            "text": notice.text,
        }
        words = [_PLACE.sub(lambda place: parts[place[1]], word) for word in self._words]
        try:
            child = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # so that it can be ended with what it started
            )
        except OSError as err:
            return f"the command cannot be run: {err.strerror}"
        try:
            child.communicate((notice.text + "\n").encode("utf-8", "replace"), timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.communicate()
            return f"the command took more than {LIMIT_S:.0f} s"
        return f"the command ended with {child.returncode}" if child.returncode else None


class AddressWay:
    """Posts JSON to a web address: `text` and `content` are what chats show of it."""

    def __init__(self, address: str, campaign: str, folder: str) -> None:
        # Here, because few campaigns need it; not later, when a file server may be the trouble.
        import http.client
        import urllib.error
        import urllib.request

        self._open = urllib.request.urlopen
        self._no_http = http.client.HTTPException
        self._request, self._refusal = urllib.request.Request, urllib.error.HTTPError
        self._address = address
        self._parts = {"campaign": campaign, "folder": folder}

    def __call__(self, notice: Notice) -> str | None:
        """See Way."""
        body = {
            "text": notice.text,
            "content": notice.text,
            "kind": notice.kind,
            "subject": notice.subject,
            **self._parts,
            **notice.facts,
        }
        try:
            request = self._request(
                self._address,
                data=json.dumps(body).encode(),
                headers={"Content-Type": "application/json", "User-Agent": "hpo"},
                method="POST",
            )
            self._open(request, timeout=LIMIT_S / 2).close()
        except self._refusal as err:
            return f"the server answered {err.code}"
        except (OSError, ValueError, self._no_http) as err:
            # Never the words of the error, in which the address may stand.
            return f"the server cannot be reached ({type(err).__name__})"
        return None


class Notifier:
    """Use as a context around the work of a manager; what ends it with an error is told, too."""

    def __init__(self, occasions: Occasions, ways: Sequence[Way], kinds: Collection[str]) -> None:
        self._occasions = occasions
        self._ways = list(ways)
        self._kinds = frozenset(kinds)
        self._waiting: queue.Queue[Notice | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._send_all, name="notices", daemon=True)
        self._looked_at: float | None = None  # s, monotonic
        self._complained = False

    def __enter__(self) -> Notifier:
        if self._ways:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, JournalForkError):
            first = (str(error).splitlines() or [""])[0]
            self._tell(self._occasions.broken(first or type(error).__name__))
        if self._thread.is_alive():
            self._looked_at = None
            with contextlib.suppress(queue.Full):
                self._waiting.put_nowait(None)
            self._thread.join(LAST_S)

    def look(self, state: CampaignState, queued: int, now: float) -> None:
        """The campaign goes on, with so many jobs that wait, at `now` (s, Unix)."""
        self._looked_at = time.monotonic()
        for notice in self._occasions.look(state, queued, now):
            self._tell(notice)

    def ended(self, state: CampaignState) -> None:
        """The campaign has ended."""
        for notice in self._occasions.ended(state):
            self._tell(notice)

    def _tell(self, notice: Notice) -> None:
        if notice.kind in self._kinds and self._ways:
            with contextlib.suppress(queue.Full):  # nobody reads so many
                self._waiting.put_nowait(notice)

    def _send_all(self) -> None:
        told_held_up = False
        while True:
            try:
                notice = self._waiting.get(timeout=SILENT_S / 10)
            except queue.Empty:
                looked_at = self._looked_at
                silent_s = 0.0 if looked_at is None else time.monotonic() - looked_at
                if silent_s < SILENT_S:
                    told_held_up = False
                elif not told_held_up:
                    told_held_up = True
                    self._tell(self._occasions.held_up(silent_s))
                continue
            if notice is None:
                return
            self._send(notice)

    def _send(self, notice: Notice) -> None:
        for way in self._ways:
            why = way(notice)
            if why is None:
                log.info("told (%s): %s", notice.kind, notice.subject)
            elif not self._complained:
                self._complained = True
                text = "the notice %r could not be sent: %s. The campaign goes on; not told again"
                log.warning(text, notice.kind, one_line(why))
