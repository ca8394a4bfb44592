"""A limit of time for code of others that the manager has to wait for.

A thread, because a signal would not end what waits in compiled code, and needs the main thread.
What is late is left alone: Python cannot end a thread.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class TimeLimit:
    """Calls what it is given, one at a time, and waits for it no longer than `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._late: Thread | None = None

    def __call__(self, act: Callable[[], T]) -> T:
        """What `act` gives, or raises.

        Raises:
            TimeoutError: it takes longer, or what was called before still runs.
        """
        if self._late is not None and self._late.is_alive():
            raise TimeoutError("is still busy with what it was asked before")
        given: list[T] = []
        raised: list[BaseException] = []

        def work() -> None:
            try:
                given.append(act())
            except BaseException as err:  # noqa: BLE001  # because it is raised where it is waited for
                raised.append(err)

        thread = Thread(target=work, name="searcher", daemon=True)
        thread.start()
        thread.join(self._seconds)
        if raised:
            raise raised[0]
        if given:
            return given[0]
        self._late = thread
        raise TimeoutError(f"took longer than {self._seconds:g} s")
