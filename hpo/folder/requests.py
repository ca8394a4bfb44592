"""What people ask of a campaign that goes on, as files: one each, until the manager has it.

`ask` writes a request under a name of its own (its token), and any command may. The manager lists
the folder in every tick, journals what follows together with the token, and removes the file: one
that lies there after a crash is known by its token, and not obeyed twice. The names sort by time.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import stat
from dataclasses import asdict
from typing import NamedTuple

from hpo.folder import offers, opening
from hpo.folder.files import AttemptFiles, Layout, open_plain, publish_json, read_all
from hpo.folder.json_text import parse
from hpo.record.requests import Enqueue, Extend, Request, RetryTrials, StopTrial, request_of

__all__ = ["Enqueue", "Extend", "Request", "RetryTrials", "StopTrial", "ask", "asker", "standing"]

MOST_BYTES = 10_000_000  # of one request; the journal has no longer lines
TOKEN = re.compile(r"\d{16}-[0-9a-f]{16}")


class Standing(NamedTuple):
    """A request that lies there; without a `request` it cannot be one, and `fault` says why."""

    token: str
    request: Request | None
    fault: str = ""


def asker() -> str:
    """Who asks, for people."""
    return f"{os.environ.get('USER') or os.getuid()} on {socket.gethostname()}"


def ask(layout: Layout, request: Request) -> str:
    """Let the request lie there for the manager; its token.

    A trial that is to stop leaves also where no manager lives: the attempt that runs now is asked.

    Raises:
        OSError: it cannot be written.
    """
    token = f"{max(0, int(request.time * 1e6)):016d}-{os.urandom(8).hex()}"
    opening.make_folder(layout.requests)
    publish_json(layout.request(token), {"request": type(request).__name__} | asdict(request))
    if isinstance(request, StopTrial):
        with contextlib.suppress(OSError):  # because the manager asks it, too
            for leg in offers.list_legs(layout.claims):
                if leg.trial_id == request.trial_id and not leg.done:
                    ask_to_leave(layout, leg.trial_id, leg.attempt)
    return token


def ask_to_leave(layout: Layout, trial_id: int, attempt: int) -> None:
    """Let this attempt of the trial save and leave at its next report.

    Raises:
        OSError: it cannot be asked.
    """
    files = AttemptFiles(layout.trial(trial_id), attempt)
    opening.make_folder(files.folder, parents=1)
    opening.touch(files.leave)


def standing(layout: Layout) -> list[Standing]:
    """The requests that lie there, oldest first; one that cannot be read just now is left out.

    Raises:
        OSError: the folder cannot be listed now; that is no news.
    """
    try:
        names = os.listdir(layout.requests)
    except FileNotFoundError:
        return []
    tokens = sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))
    found = (_read(layout, token) for token in tokens if TOKEN.fullmatch(token))
    return [one for one in found if one is not None]


def _read(layout: Layout, token: str) -> Standing | None:
    path = layout.request(token)
    try:
        with open_plain(path) as file:
            owner = os.fstat(file.fileno()).st_uid
            if owner != os.geteuid():
                return Standing(token, None, f"{path} belongs to user {owner}")
            data = parse(read_all(file, path, MOST_BYTES))
        return Standing(token, request_of(data))
    except ValueError as err:
        return Standing(token, None, f"{path} is no request: {err}")
    except OSError as err:
        lasting = _is_no_file_of_ours(layout, token)
        return Standing(token, None, f"{path} is no request: {err.strerror}") if lasting else None


def _is_no_file_of_ours(layout: Layout, token: str) -> bool:
    """Whether a link, a pipe or a file that is too large lies there, which no command wrote."""
    try:
        info = layout.request(token).lstat()
    except OSError:
        return False
    return not stat.S_ISREG(info.st_mode) or info.st_size > MOST_BYTES


def remove(layout: Layout, token: str) -> None:
    """The manager has it in its journal, or refused it.

    Raises:
        OSError: it cannot be removed now, or is somebody else's.
    """
    opening.remove(layout.request(token))
