"""The manager's journal: append-only, one writer, one JSON object a line.

A header line with the format version and the campaign's identity, then events. A torn last line
(the writer died in mid-write) is cut off on opening; a bad line inside is an error that names it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from hpo.errors import JournalError
from hpo.folder import opening
from hpo.folder.files import open_plain, sync_folder, to_json
from hpo.record.events import FORMAT, Event, from_record, to_record


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: which campaign this is the journal of."""

    campaign: str
    digest: str


class Journal:
    """An open journal; `events` are those it held (from line 2 on), and `append` adds to it.

    `guard` is called before each append and raises if this process may no longer write.
    """

    first_event = 2  # the line of the first event

    def __init__(
        self, path: Path, header: Header, *, guard: Callable[[], None] = lambda: None
    ) -> None:
        self._path = path
        self._guard = guard
        self.events: list[Event] = []
        self._size = 0
        self._torn = False  # whether a failed write may have left something behind the last line
        self.header = self._open(header)

    def _open(self, header: Header) -> Header:
        whole = _whole_lines(self._path)
        self._size = len(whole)
        if not whole:
            self._cut()
            self._write(to_json({"journal": FORMAT} | asdict(header)) + "\n")
            sync_folder(self._path.parent)
            return header
        self._cut()
        lines = whole.splitlines()
        found = _read_header(lines[0], self._path)
        self.events = [
            _read_event(line, self._path, number)
            for number, line in enumerate(lines[1:], self.first_event)
        ]
        return found

    def append(self, events: Iterable[Event]) -> None:
        """Write the events, on disk when this returns; after an error none of them is there.

        Raises:
            OSError: disk full, over quota or away; the journal is cut back to its last line.
            JournalForkError: another manager took over.
            JournalError: somebody changed the journal meanwhile.
        """
        text = "".join(to_json(to_record(event)) + "\n" for event in events)
        if text:
            self._guard()
            if self._torn:
                self._cut()  # because the file server may have been away when this was due
            self._require_untouched()
            self._write(text)

    def bad_line(self, number: int, why: object) -> JournalError:
        """The error for a line that cannot be what a manager wrote."""
        return _bad_line(self._path, number, why)

    def require_owner(self) -> None:
        """Stop a manager that was taken over before it does anything more.

        Raises:
            JournalForkError: another manager took over.
        """
        self._guard()

    def _write(self, text: str) -> None:
        data = text.encode()
        try:
            with os.fdopen(opening.open_to_append(self._path), "ab") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            self._torn = True
            self._cut()
            raise
        self._size += len(data)

    def _require_untouched(self) -> None:
        size = self._path.stat().st_size
        if size != self._size:
            raise JournalError(
                f"{self._path} has {size} bytes, but this manager has written {self._size}: it was"
                " changed by somebody while the campaign ran. This manager stops without writing"
                " more; start it again, and if the journal is no longer sound it says which line"
            )

    def _cut(self) -> None:
        """Drop whatever lies behind the last whole line."""
        try:
            descriptor = opening.open_existing(self._path, os.O_RDWR)
        except FileNotFoundError:
            pass
        else:
            try:
                if os.fstat(descriptor).st_size > self._size:
                    os.truncate(descriptor, self._size)
            finally:
                os.close(descriptor)
        self._torn = False


def read_events(path: Path) -> list[Event]:
    """The events of a journal that somebody else may be writing; changes nothing."""
    lines = _whole_lines(path).splitlines()
    return [_read_event(line, path, number) for number, line in enumerate(lines[1:], 2)]


def _whole_lines(path: Path) -> bytes:
    try:
        with open_plain(path) as file:
            data = file.read()
    except FileNotFoundError:
        return b""
    return data[: data.rfind(b"\n") + 1]


def _read_header(line: bytes, path: Path) -> Header:
    try:
        record = json.loads(line)
        version = record["journal"]
        header = Header(str(record["campaign"]), str(record["digest"]))
    except (ValueError, KeyError, TypeError, RecursionError) as err:
        raise JournalError(f"{path}, line 1: not the header of a journal") from err
    if version != FORMAT:
        raise JournalError(
            f"{path} has format {version}; this program reads format {FORMAT}. "
            "Use the version of the program that wrote it, or start with --fresh"
        )
    return header


def _read_event(line: bytes, path: Path, number: int) -> Event:
    try:
        return from_record(json.loads(line, parse_constant=_refuse))
    except (ValueError, RecursionError) as err:
        raise _bad_line(path, number, err) from err


def _bad_line(path: Path, number: int, why: object) -> JournalError:
    return JournalError(
        f"{path}, line {number}: {why}. The lines before it are sound: copy the campaign, "
        "cut the copy's journal before this line and start again, or start with --fresh"
    )


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON, and was never written here")
