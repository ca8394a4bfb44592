"""Reads beside the screen, because a file server may take its time: a thread that is never awaited.

What it finds comes to the screen as messages.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from textual.message import Message

from hpo.folder.files import Layout
from hpo.report.status_document import Status
from hpo.watch.follower import Follower, News, Wish

EVERY_S = 2.0


class Found(Message):
    """A look at the campaign that is followed."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self.news = news


class Listed(Message):
    """How all campaigns stand; None: nothing can be read of it."""

    def __init__(self, campaigns: Sequence[tuple[Path, Status | None]]) -> None:
        super().__init__()
        self.campaigns = campaigns


class Broken(Message):
    """Nothing is read any more, through a fault of this program."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class Reader:
    """Follows one campaign at a time; ends with the program."""

    def __init__(self, post: Callable[[Message], object], every_s: float = EVERY_S) -> None:
        self._post = post
        self._every_s = every_s
        self._root: Path | None = None
        self._listed: Sequence[Path] = ()
        self._wish = Wish()
        self._wake = threading.Event()
        self._left = False
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def leave(self) -> None:
        """End when the look that is under way has ended."""
        self._left = True
        self._wake.set()

    def follow(self, root: Path) -> None:
        """Look at this campaign from now on."""
        self._root = root
        self._wake.set()

    def wish(self, wish: Wish) -> None:
        """Look at this from now on."""
        if wish != self._wish:
            self._wish = wish
            self._wake.set()

    def list(self, roots: Sequence[Path]) -> None:
        """Tell once how these stand."""
        self._listed = roots
        self._wake.set()

    def _run(self) -> None:
        try:
            self._read()
        except Exception as err:  # noqa: BLE001  # else the screen would stand still without a word
            self._post(Broken(err))

    def _read(self) -> None:
        follower: Follower | None = None
        while not self._left:
            self._wake.clear()
            if roots := self._listed:
                self._listed = ()
                self._post(Listed([(root, Status.read(Layout(root))) for root in roots]))
            if self._root is not None:
                if follower is None or follower.root != self._root:
                    follower = Follower(self._root)
                news = follower.look(self._wish)
                self._post(Found(news))
                if news.left_bytes:
                    continue
            self._wake.wait(self._every_s)
