"""One checkpoint: whether it is whole and of this trial, and its way into the objects.

Knows no other checkpoint and changes no file: what is taken instead, saved or deleted is `store`'s.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.checkpoint.containers import DamagedError
from hpo.checkpoint.global_random import restore_global_states
from hpo.checkpoint.restorable import Restorable, kind_of
from hpo.checkpoint.snapshot import read_plain, read_state
from hpo.errors import ReportError
from hpo.folder import files
from hpo.folder.json_text import parse

MANIFEST = "manifest.json"
GLOBALS = "global-random.json"  # with a hyphen, so that no object's file can have its name
FORMAT = 1
MOST_MANIFEST_BYTES = 1_000_000
NO_FILE_OF_OURS = (errno.EINVAL, errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EFBIG)


@dataclass(frozen=True, slots=True, order=True)
class Checkpoint:
    """One complete checkpoint; a greater one is newer."""

    resource: int
    attempt: int
    serial: int  # counts saves at the same resource by the same attempt, so no name is used twice
    path: Path


class UnusableError(Exception):
    """This checkpoint will never be usable for this trial."""

    prefix = ".broken-"  # of its name from now on; deleted with the next save


class ForeignError(UnusableError):
    """It may be whole, and the only one of the trial it belongs to."""

    prefix = ".foreign-"


class OtherCodeError(Exception):
    """A whole checkpoint of this trial that does not fit the objects of now."""


def verify(found: Checkpoint, trial_id: int) -> dict[str, Any]:
    """Return the manifest of a checkpoint whose files are what was written.

    Raises:
        UnusableError: it is broken, or another trial's.
        OSError: it cannot be read just now.
    """
    try:
        manifest: dict[str, Any] = parse(
            files.read_plain(found.path / MANIFEST, MOST_MANIFEST_BYTES)
        )
        owner, digests = manifest["trial_id"], dict(manifest["sha256"])
        if not digests or not isinstance(manifest.get("kinds", {}), dict):
            raise ValueError("no checksums, or no kinds")
        set(manifest["objects"])  # the names, in whatever form
        resource = manifest["resource"]
        if owner != trial_id:
            raise ForeignError(
                f"it belongs to trial {owner}; it is kept as {ForeignError.prefix}… beside it,"
                f" move it to the folder of trial {owner} if it is missing there"
            )
        for name, written in digests.items():
            if name != os.path.basename(name):  # noqa: PTH119  # because it is no path yet
                raise UnusableError(f"{MANIFEST} names {name!r}, which is not beside it")
            if digest(found.path / name) != written:
                raise UnusableError(f"{name} is not what was written (checksum)")
    except (FileNotFoundError, NotADirectoryError) as err:
        raise UnusableError(f"{err.filename} is missing") from err
    except OSError as err:
        if err.errno not in NO_FILE_OF_OURS:
            raise
        raise UnusableError(f"{err.filename} {err.strerror}") from err
    except (ValueError, KeyError, TypeError) as err:
        raise UnusableError(f"{MANIFEST} is damaged: {err!r}") from err
    if resource != found.resource:
        raise UnusableError(f"it was renamed: it holds the state after {resource}")
    if manifest.get("format") != FORMAT:
        raise UnusableError(f"format {manifest.get('format')}, this program reads {FORMAT}")
    return manifest


def read(
    found: Checkpoint, manifest: dict[str, Any], objects: Mapping[str, Restorable]
) -> dict[str, Any]:
    """Return the states of all objects, before the first object is touched.

    Raises:
        OtherCodeError: the objects are not those that were saved.
        UnusableError: a file is not what this program writes.
        OSError: it cannot be read just now.
    """
    saved = manifest["objects"]
    if missing := sorted(set(objects) - set(saved)):
        raise OtherCodeError(f"holds {', '.join(saved) or 'nothing'}, but not {', '.join(missing)}")
    for name, then in manifest.get("kinds", {}).items():
        value = objects.get(name)
        if value is not None and (now := kind_of(value).describe(value)) != then:
            raise OtherCodeError(f"does not fit {name}: it was {then}, now it is {now}")
    states = {}
    for name in objects:
        try:
            states[name] = read_state(found.path, name, manifest["sha256"])
        except (OSError, MemoryError):
            raise
        except DamagedError as err:
            raise UnusableError(f"{name}: {err}") from err
        except Exception as err:
            raise OtherCodeError(f"does not fit {name} ({_in_words(err)})") from err
    if GLOBALS in manifest["sha256"]:
        try:
            states[GLOBALS] = read_plain(found.path / GLOBALS)
        except DamagedError as err:
            raise UnusableError(str(err)) from err
    return states


def put(objects: Mapping[str, Restorable], states: dict[str, Any]) -> None:
    """Put what `read` gave into the objects, and the global generators back.

    Raises:
        OtherCodeError: a state does not fit its object.
    """
    for name, value in objects.items():
        try:
            kind_of(value).put(value, states[name])
        except Exception as err:
            if type(err).__name__ in ("MemoryError", "OutOfMemoryError"):  # the latter is torch's
                raise
            raise OtherCodeError(f"does not fit {name} ({_in_words(err)})") from err
    if GLOBALS not in states:
        return
    try:
        # Last, because taking over a state may draw random numbers.
        restore_global_states(states[GLOBALS])
    except Exception as err:
        text = f"does not fit the global random generators ({_in_words(err)})"
        raise OtherCodeError(text) from err


def _in_words(err: Exception) -> str:
    return str(err) if isinstance(err, ReportError) else f"{type(err).__name__}: {err}"


def digest(path: Path) -> str:
    """Return the checksum of a plain file.

    Raises:
        OSError: it cannot be read now, or is none.
    """
    seen = hashlib.sha256()
    with files.open_plain(path) as file:
        while block := file.read(1 << 20):
            seen.update(block)
    return seen.hexdigest()
