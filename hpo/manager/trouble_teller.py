"""What the log says while files cannot be used: at once, then ever more rarely, and at the end."""

from __future__ import annotations

import logging

from hpo.units.backoff import Backoff

log = logging.getLogger(__name__)

PAUSE = Backoff(600.0, 4 * 3600.0)  # between two words about the same trouble


class TroubleTeller:
    """About one kind of files; `what` names them, `meanwhile` says what goes on without them."""

    def __init__(self, what: str, meanwhile: str) -> None:
        self._what = what
        self._meanwhile = meanwhile
        self._since: float | None = None
        self._next = self._pause_s = 0.0

    def failed(self, err: OSError, now: float) -> None:
        """Another try has failed, at `now` (s)."""
        if self._since is None:
            self._since, self._pause_s = now, PAUSE.first_s
            log.warning("%s cannot be used: %s. %s", self._what, err, self._meanwhile)
        elif now >= self._next:
            self._pause_s = PAUSE.after(self._pause_s)
            minutes = (now - self._since) / 60
            log.warning("%s cannot be used for %.0f min now: %s", self._what, minutes, err)
        else:
            return
        self._next = now + self._pause_s

    def worked(self, now: float) -> None:
        """A try went well."""
        if self._since is not None:
            log.info("%s can be used again, after %.0f s", self._what, now - self._since)
        self._since = None
