"""The manager's journal: append-only, one writer, one JSON object a line.

A header line with the format version and the campaign's identity, then events. A torn last line
(the writer died in mid-write) is cut off on opening; a bad line inside is an error that names it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from hpo.errors import JournalError, TransitionError
from hpo.folder import opening
from hpo.folder.files import open_plain, sync_folder, to_json
from hpo.folder.json_text import parse
from hpo.record.events import FORMAT, Event, from_record, to_record

MOST_JOURNAL_BYTES = 1_000_000_000  # a trial of a few legs takes one or two thousand
MOST_LINE_BYTES = 10_000_000
NO_FILE_OF_OURS = (errno.EINVAL, errno.ELOOP, errno.EISDIR, errno.ENXIO)
T = TypeVar("T")


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
        lines = _whole_lines(self._path)
        first = next(lines, None)
        if first is None:
            self._cut()
            self._write(to_json({"journal": FORMAT} | asdict(header)) + "\n")
            sync_folder(self._path.parent)
            return header
        found = read_header(first, self._path)
        self._size = len(first)
        for number, line in enumerate(lines, self.first_event):
            self.events.append(read_event(line, self._path, number))
            self._size += len(line)
        self._cut()
        return found

    def latest(self) -> float | None:
        """The last time that anything happened, of what has been read; None: nothing has.

        The last line may be older, where the clock was set back in between.
        """
        return max((event.time for event in self.events), default=None)

    def append(self, events: Iterable[Event]) -> None:
        """Write the events, on disk when this returns; after an error none of them is there.

        Raises:
            OSError: disk full, over quota or away; the journal is cut back to its last line.
            JournalForkError: another manager took over.
            JournalError: somebody changed the journal meanwhile, or it is full.
        """
        text = "".join(to_json(to_record(event)) + "\n" for event in events)
        if text:
            self._guard()
            if self._torn:
                self._cut()  # because the file server may have been away when this was due
            self._require_untouched()
            self._require_room(len(text.encode()))
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

    def _require_room(self, size: int) -> None:
        if self._size + size > MOST_JOURNAL_BYTES:
            raise JournalError(
                f"{self._path} is full: of more than {MOST_JOURNAL_BYTES / 1e9:.0f} GB none is "
                "read. Nothing is lost; begin another campaign in another output_dir"
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
    """The events of a journal that somebody else may be writing; changes nothing.

    Raises:
        JournalError: a line of it, or the file itself, cannot be what a manager wrote.
        OSError: it cannot be read now.
    """
    return [event for _, event in _numbered_events(path)]


def read_through(path: Path, use: Callable[[Iterator[Event]], T]) -> T:
    """What `use` makes of the events, which are never held all at once.

    Raises:
        JournalError: as `read_events`, and of an event that cannot follow from those before it.
        OSError: it cannot be read now.
    """
    at = 1

    def events() -> Iterator[Event]:
        nonlocal at
        for number, event in _numbered_events(path):
            at = number
            yield event

    try:
        return use(events())
    except TransitionError as err:
        raise _bad_line(path, at, err) from err


def _numbered_events(path: Path) -> Iterator[tuple[int, Event]]:
    lines = _whole_lines(path)
    next(lines, None)  # the header
    for number, line in enumerate(lines, 2):
        yield number, read_event(line, path, number)


def _whole_lines(path: Path) -> Iterator[bytes]:
    """The lines with their ends, one after the other; a torn last one is none.

    Raises:
        JournalError: it is no plain file, or one that no manager made so large.
        OSError: it cannot be read now.
    """
    try:
        file = open_plain(path)
    except FileNotFoundError:
        return
    except OSError as err:
        if err.errno not in NO_FILE_OF_OURS:
            raise
        raise JournalError(f"{path} {_NOT_READ.format(err.strerror or err)}") from err
    with file:
        size = os.fstat(file.fileno()).st_size
        if size > MOST_JOURNAL_BYTES:
            why = f"has {size / 1e9:.1f} GB, and no more than {MOST_JOURNAL_BYTES / 1e9:.0f} are"
            raise JournalError(f"{path} {_NOT_READ.format(f'{why} read')}")
        number = 0
        while (line := file.readline(MOST_LINE_BYTES)).endswith(b"\n"):
            number += 1
            yield line
        if len(line) == MOST_LINE_BYTES:
            raise _bad_line(path, number + 1, f"is longer than {MOST_LINE_BYTES / 1e6:.0f} MB")


_NOT_READ = (
    "{}: it is not what a manager wrote. Put back a copy of yours, or start again with --fresh"
)


def read_header(line: bytes, path: Path) -> Header:
    """What the first line of a journal says.

    Raises:
        JournalError: it is no such line, or one of another format.
    """
    try:
        record = parse(line)
        version = record["journal"]
        header = Header(str(record["campaign"]), str(record["digest"]))
    except (ValueError, KeyError, TypeError) as err:
        raise JournalError(f"{path}, line 1: not the header of a journal") from err
    if version != FORMAT:
        raise JournalError(
            f"{path} has format {version!s:.40}; this program reads format {FORMAT}. "
            "Use the version of the program that wrote it, or start with --fresh"
        )
    return header


def read_event(line: bytes, path: Path, number: int) -> Event:
    """What a line of a journal says, of that number.

    Raises:
        JournalError: no manager wrote it.
    """
    try:
        return from_record(parse(line, strict=True))
    except ValueError as err:
        raise _bad_line(path, number, err) from err


def _bad_line(path: Path, number: int, why: object) -> JournalError:
    return JournalError(
        f"{path}, line {number}: {why}. The lines before it are sound: copy the campaign, "
        "cut the copy's journal before this line and start again, or start with --fresh"
    )
