"""Exceptions of an objective that a signal to one of its processes may be behind.

Owns the words in which Python, torch and its launchers tell of a process that has gone. Only a
suspicion: whether there was a request to leave, the job knows. No I/O.
"""

from __future__ import annotations

import re

_WORDS = re.compile(
    r"signal|SIG[A-Z]{3,4}\b|terminated|killed|abruptly|exited unexpectedly|died|broken pipe"
    r"|connection (was )?(closed|reset|refused|aborted)|exit ?code\W{0,6}(-\d|1[34]\d\b)",
    re.IGNORECASE,
)
_CHAIN = 20  # exceptions behind an exception that are looked at


def looks_killed(err: BaseException) -> bool:
    """Whether a process that was ended by a signal may have led to this."""
    behind: BaseException | None = err
    for _ in range(_CHAIN):
        if behind is None:
            return False
        if _tells(behind):
            return True
        behind = behind.__cause__ or behind.__context__
    return False


def _tells(err: BaseException) -> bool:
    if isinstance(err, (EOFError, ConnectionError)):  # the other end of a pipe or socket has gone
        return True
    try:
        return _WORDS.search(str(err)) is not None
    except Exception:  # noqa: BLE001  # because user code writes __str__ too
        return False
