"""The checkpoints of one trial: complete or absent, never half.

Owns `checkpoint/` in a trial's folder: a new one is written under a hidden name, synced, sealed
with a manifest of checksums and renamed to `epoch_<resource>-a<attempt>`; the one before stays
until then, and one older is kept in case the newest turns out broken. What an object's state looks
like in files is `snapshot`. Decides nothing from file times, and never when to save: `Trial` does.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.errors import ReportError
from hpo.files import publish_json, sync_folder
from hpo.snapshot import Restorable, read_state, take_over, write_state

log = logging.getLogger(__name__)

FOLDER = "checkpoint"  # below the trial's folder
MANIFEST = "manifest.json"
FORMAT = 1
KEPT = 2  # the newest, and one more to fall back on
_NAME = re.compile(r"epoch_(\d+)-a(\d+)(?:\.(\d+))?")
_NEW_NAME = re.compile(r"\.new-a(\d+)-.*")


@dataclass(frozen=True, slots=True, order=True)
class Checkpoint:
    """One complete checkpoint; a greater one is newer."""

    resource: int
    attempt: int
    serial: int  # counts saves at the same resource by the same attempt, so no name is used twice
    path: Path


def find(folder: Path) -> list[Checkpoint]:
    """Return the complete checkpoints of the trial in `folder`, newest first."""
    try:
        entries = list((folder / FOLDER).iterdir())
    except OSError:
        return []
    matches = [(_NAME.fullmatch(entry.name), entry) for entry in entries]
    return sorted(
        (
            Checkpoint(int(match[1]), int(match[2]), int(match[3] or 0), entry)
            for match, entry in matches
            if match
        ),
        reverse=True,
    )


def save(
    folder: Path,
    *,
    resource: int,
    trial_id: int,
    attempt: int,
    objects: Mapping[str, Restorable],
) -> Path:
    """Write a checkpoint of the trial in `folder` and delete those no longer needed.

    Raises:
        ReportError: the state of an object cannot be saved.
        OSError: disk full, over quota or away; the checkpoints before are untouched.
    """
    home = folder / FOLDER
    home.mkdir(parents=True, exist_ok=True)
    new = home / f".new-a{attempt}-{secrets.token_hex(4)}"
    new.mkdir()
    try:
        for name, value in objects.items():
            write_state(new, name, value)
        manifest = {
            "format": FORMAT,
            "trial_id": trial_id,
            "attempt": attempt,
            "resource": resource,
            "objects": sorted(objects),
            "sha256": {file.name: _digest(file) for file in sorted(new.iterdir())},
        }
        publish_json(new / MANIFEST, manifest)
        same = [c.serial for c in find(folder) if (c.resource, c.attempt) == (resource, attempt)]
        suffix = f".{max(same) + 1}" if same else ""
        path = new.rename(home / f"epoch_{resource}-a{attempt}{suffix}")
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    sync_folder(home)
    _prune(folder, path, attempt)
    return path


def load_newest(
    folder: Path, trial_id: int, objects: Mapping[str, Restorable]
) -> Checkpoint | None:
    """Put the newest usable checkpoint into `objects`; None if the trial has none.

    A checkpoint that fails its checksums is set aside, one that cannot be read just now is passed
    over; both with a warning, and the one before is taken.

    Raises:
        ReportError: a whole checkpoint does not fit the objects: other code made it.
    """
    for found in find(folder):
        try:
            _verify(found, trial_id)
        except OSError as err:
            log.warning("trial %d: %s cannot be read now: %s", trial_id, found.path, err)
        except _BrokenError as err:
            log.warning("trial %d: %s is not usable: %s", trial_id, found.path, err)
            _set_aside(found)
        else:
            _load(found, trial_id, objects)
            return found
    return None


class _BrokenError(Exception):
    """This checkpoint will never be usable for this trial."""


def _verify(found: Checkpoint, trial_id: int) -> None:
    try:
        manifest = json.loads((found.path / MANIFEST).read_bytes())
        owner, digests = manifest["trial_id"], dict(manifest["sha256"])
        for name, digest in digests.items():
            if _digest(found.path / name) != digest:
                raise _BrokenError(f"{name} is not what was written (checksum)")
    except FileNotFoundError as err:
        raise _BrokenError(f"{err.filename} is missing") from err
    except (ValueError, KeyError, TypeError) as err:
        raise _BrokenError(f"{MANIFEST} is damaged: {err!r}") from err
    if owner != trial_id:
        raise _BrokenError(f"it belongs to trial {owner}")
    if manifest.get("format") != FORMAT:
        raise _BrokenError(f"format {manifest.get('format')}, this program reads {FORMAT}")


def _load(found: Checkpoint, trial_id: int, objects: Mapping[str, Restorable]) -> None:
    saved = json.loads((found.path / MANIFEST).read_bytes())["objects"]
    cure = f"restore the code that made it, or delete {found.path.parent} to train from the start"
    if missing := sorted(set(objects) - set(saved)):
        raise ReportError(
            f"trial {trial_id}: the checkpoint {found.path} holds {', '.join(saved)}, but not"
            f" {', '.join(missing)}; {cure}"
        )
    # All files are read before the first object is touched.
    states: dict[str, Any] = {name: read_state(found.path, name) for name in objects}
    for name, value in objects.items():
        try:
            take_over(value, states[name])
        except Exception as err:
            raise ReportError(
                f"trial {trial_id}: the checkpoint {found.path} does not fit {name}"
                f" ({type(err).__name__}: {err}); {cure}"
            ) from err


def _prune(folder: Path, new: Path, attempt: int) -> None:
    """Delete what is older than the kept ones, and the rubbish of interrupted saves.

    The one just written always stays, even where an older attempt that nobody stopped yet has
    written a later epoch.
    """
    for old in [c for c in find(folder) if c.path != new][KEPT - 1 :]:
        # Renamed first, so that no reader ever sees half a checkpoint.
        hidden = old.path.with_name(f".old-{secrets.token_hex(4)}")
        try:
            old.path.rename(hidden)
        except OSError as err:
            log.warning("cannot delete the old checkpoint %s: %s", old.path, err)
    for entry in list((folder / FOLDER).iterdir()):
        started = _NEW_NAME.fullmatch(entry.name)
        if entry.name.startswith((".old-", ".broken-")) or (started and int(started[1]) < attempt):
            shutil.rmtree(entry, ignore_errors=True)


def _set_aside(found: Checkpoint) -> None:
    try:
        found.path.rename(found.path.with_name(f".broken-{found.path.name}-{secrets.token_hex(4)}"))
    except OSError as err:
        log.warning("cannot set %s aside: %s", found.path, err)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
