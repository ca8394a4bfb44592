"""How the jobs of a campaign start, and which starts failed: `jobs/start.sh`, `jobs/starts/`.

Written by the shell words of `hpo.seats.start_script`, one file a job that tries, and read by the
manager. What cannot be read is no news. Standard library only.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hpo.folder import opening
from hpo.folder.files import Layout, publish, read_object, read_tail

UP = ".up"  # one a node: a start of it went well
MOST_WORDS = 300  # characters of a reason; it comes from jobs


@dataclass(frozen=True, slots=True)
class FailedStart:
    """A job that could not start yet and tries again, in the words of its shell; times in s, Unix.

    `said` is the last line that was printed before.
    """

    node: str
    job_id: str
    kind: str
    why: str
    said: str
    since: float
    last: float
    tries: int


def publish_start(layout: Layout, text: str) -> bool:
    """Let jobs start so from now on, waiting ones too; whether that is news.

    Raises:
        OSError: it cannot be written.
    """
    opening.make_folder(layout.starts)
    for name in _names(layout.starts):
        with suppress(OSError):  # those that try still say so again
            if not name.endswith(UP):
                (layout.starts / name).unlink()
    try:
        known = layout.start_script.read_text(encoding="utf-8")
    except (OSError, ValueError):
        known = ""
    if known == text:
        return False
    publish(layout.start_script, text)
    # The first job that starts so looks whether all is there.
    layout.ground.unlink(missing_ok=True)
    with suppress(OSError):
        (layout.starts / "ground").rmdir()
    return True


def failed(layout: Layout) -> list[FailedStart]:
    """The jobs that have told of a start that failed, and have not started since."""
    found = []
    for name in _names(layout.starts):
        if "." in name and not name.endswith((UP, ".tmp")):
            told = _read(layout.starts / name)
            if told is not None:
                found.append(told)
    return found


def up(layout: Layout) -> dict[str, float]:
    """When a job last started well (s, Unix), by node."""
    found = {}
    for name in _names(layout.starts):
        if name.endswith(UP):
            when = _fields(layout.starts / name).get("at", "")
            found[name.removesuffix(UP)] = float(when) if when.isdigit() else 0.0
    return found


def forget(layout: Layout, start: FailedStart) -> None:
    """Of a job that is gone."""
    with suppress(OSError):
        (layout.starts / f"{start.node}.{start.job_id}").unlink()


def publish_leave(layout: Layout, nodes: Collection[str]) -> None:
    """Jobs that cannot start on these nodes are to start elsewhere.

    Raises:
        OSError: it cannot be written.
    """
    opening.make_folder(layout.starts)
    publish(layout.starts / "leave", "".join(f"{node}\n" for node in sorted(nodes)))


def ground(layout: Layout) -> dict[str, object]:
    """What the first job found; empty while there is none."""
    return read_object(layout.ground)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def _fields(path: Path) -> dict[str, str]:
    try:
        lines = read_tail(path)
    except OSError:
        return {}
    return {key: _plain(words) for key, _, words in (line.partition(" ") for line in lines)}


def _read(path: Path) -> FailedStart | None:
    told = _fields(path)
    numbers = [told.get(key, "") for key in ("since", "last", "tries")]
    if not all(number.isdigit() and len(number) < 16 for number in numbers):
        return None  # a mark, or torn
    since, last, tries = map(int, numbers)
    # The name tells who it is: what stands within is only told.
    node, _, job_id = path.name.rpartition(".")
    kind, why, said = (told.get(key, "") for key in ("kind", "why", "said"))
    return FailedStart(node, job_id, kind, why, said, since, last, tries)


def _plain(words: str) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return text if len(text) <= MOST_WORDS else text[: MOST_WORDS - 1] + "…"
