"""Ends a manager whose campaign's folder was moved or deleted.

Owns how often it looks, and how long that has to last: what is back soon was never gone.
"""

from __future__ import annotations

from hpo.errors import FolderGoneError
from hpo.folder.files import Layout
from hpo.folder.presence import FolderPresence

LOOK_S = 5.0
GONE_S = 20.0  # of looks that all say so


class FolderWatch:
    """One campaign's folder, looked at every now and then; times in s."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._presence: FolderPresence | None = None
        self._next_look = float("-inf")
        self._gone_since: float | None = None

    def require_there(self, now: float) -> None:
        """Look, where it is time.

        Raises:
            FolderGoneError: the folder has not been there for a while.
        """
        if now < self._next_look:
            return
        self._next_look = now + LOOK_S
        if self._presence is None:
            holds = (self._layout.campaign.name, self._layout.journal.name)
            self._presence = FolderPresence(self._layout.root, holds)
        why = self._presence.why_gone()
        if why is None:
            self._gone_since = None
        elif self._gone_since is None:
            self._gone_since = now
        elif now >= self._gone_since + GONE_S:
            raise FolderGoneError(
                f"the campaign is not at {self._layout.root} any more: {why}. This manager ends, "
                "and so do the jobs, which would write there; to go on with a folder that was "
                "moved, start with its new place as --output-dir"
            )
