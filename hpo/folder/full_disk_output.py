"""Printing and logging that a full disk cannot stop.

It is dropped, and nothing is raised, neither into users' code that prints nor as a traceback of
`logging`. What is logged passes the one filter of `hpo.shown`. Standard library only, because every
job imports it.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from hpo.folder import opening
from hpo.shown import many_lines

OURS = "hpo"  # the loggers of this package are below it

if TYPE_CHECKING:
    _StreamHandler = logging.StreamHandler[TextIO]
else:
    _StreamHandler = logging.StreamHandler  # because Python 3.10 does not let it be subscripted


class _Dropping(io.RawIOBase):
    """A file that takes everything, also what the disk behind it does not."""

    def __init__(self, file: io.FileIO) -> None:
        self._file = file

    def write(self, data: bytes) -> int:  # type: ignore[override]  # because raw files get bytes
        with contextlib.suppress(OSError):
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        return len(data)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._file.fileno()

    def isatty(self) -> bool:
        return self._file.isatty()


def protect_standard_output() -> None:
    """From now on a `print` is no error when the job's log lies on a full disk."""
    for name in ("stdout", "stderr"):
        stream: TextIO | None = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
                file = open(stream.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115
                dropping = _Dropping(file)
                setattr(
                    sys,
                    name,
                    io.TextIOWrapper(
                        dropping, encoding=stream.encoding, errors=stream.errors, write_through=True
                    ),
                )


class _Quiet(logging.Handler):
    """Mixed into a handler: trouble of the storage is not answered with a traceback."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's name
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


class QuietStreamHandler(_Quiet, _StreamHandler):
    """Logs to a stream."""


class QuietFileHandler(_Quiet, logging.FileHandler):
    """Logs to a file, which is opened with the first line that can be written."""

    def __init__(self, filename: str) -> None:
        super().__init__(filename, encoding="utf-8", delay=True)

    def _open(self) -> io.TextIOWrapper:
        return os.fdopen(opening.open_to_append(Path(self.baseFilename)), "a", encoding="utf-8")

    def close(self) -> None:
        """Give up what cannot be written any more."""
        with contextlib.suppress(OSError):
            super().close()


class ShownFormatter(logging.Formatter):
    """Formats lines so that nothing of theirs is obeyed, and that none looks like another one."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text; of several lines all but the first are indented."""
        return many_lines(super().format(record))


def log_to_standard_output() -> None:
    """Protect the standard output of a job, and let its log lines go there.

    Not by the root logger, which is the user's code's: its `logging.basicConfig` does as it says.
    """
    protect_standard_output()
    handler = QuietStreamHandler(sys.stdout)
    handler.setFormatter(ShownFormatter("%(asctime)s %(levelname)s %(message)s"))
    ours = logging.getLogger(OURS)
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False


def log_again() -> None:
    """Let our loggers log, whatever users' code has done to all that there were.

    `logging.config` switches off every logger that it does not know.
    """
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and f"{name}.".startswith(f"{OURS}."):
            logger.disabled = False
