"""The checkpoints of one trial: complete or absent, never half.

A new one is written under a hidden name, synced, sealed with a manifest of checksums and renamed to
`epoch_<resource>-a<attempt>`; the one before stays until then, and one older is kept in case the
newest turns out broken. Nothing is decided from file times.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path

from hpo.checkpoint.global_random import global_states
from hpo.checkpoint.reading import (
    FORMAT,
    GLOBALS,
    MANIFEST,
    Checkpoint,
    OtherCodeError,
    UnusableError,
    digest,
    put,
    read,
    verify,
)
from hpo.checkpoint.restorable import Restorable, kind_of
from hpo.checkpoint.snapshot import write_plain, write_state
from hpo.errors import ReportError
from hpo.folder.files import CHECKPOINTS, USERS_FILES, make_again, publish_json, sync_folder
from hpo.folder.reports import read_reports

log = logging.getLogger(__name__)

FOLDER = CHECKPOINTS  # below the trial's folder
KEPT = 2  # the newest, and one more to fall back on
_NAME = re.compile(r"epoch_(\d+)-a(\d+)(?:\.(\d+))?")
RUBBISH = (".old-", ".broken-")  # on its way out
_NEW_NAME = re.compile(r"\.new-a(\d+)-.*")


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


def require_listing(folder: Path) -> None:
    """Tell a trial without checkpoints from a file server that is away.

    Raises:
        OSError: nobody can tell now; to be tried again.
    """
    with contextlib.suppress(FileNotFoundError):
        os.listdir(folder / FOLDER)  # the names do not matter


def save(
    folder: Path, *, resource: int, trial_id: int, attempt: int, objects: Mapping[str, Restorable]
) -> Path:
    """Write a checkpoint of the trial in `folder` and delete those no longer needed.

    Raises:
        ReportError: the state of an object cannot be saved.
        OSError: disk full, over quota or away; the checkpoints before are untouched.
    """
    home = folder / FOLDER
    make_again(home, above=2)
    new = home / f".new-a{attempt}-{os.urandom(4).hex()}"
    new.mkdir()
    try:
        for name, value in objects.items():
            write_state(new, name, value)
        write_plain(new / GLOBALS, global_states())
        manifest = {
            "format": FORMAT,
            "trial_id": trial_id,
            "attempt": attempt,
            "resource": resource,
            "objects": sorted(objects),
            "kinds": {n: kind_of(v).describe(v) for n, v in sorted(objects.items())},
            "sha256": {file.name: digest(file) for file in sorted(new.iterdir())},
        }
        publish_json(new / MANIFEST, manifest)
        same = [c.serial for c in find(folder) if (c.resource, c.attempt) == (resource, attempt)]
        suffix = f".{max(same) + 1}" if same else ""
        path = new.rename(home / f"epoch_{resource}-a{attempt}{suffix}")
    except BaseException as err:
        _remove_tree(new)
        if isinstance(err, ReportError):
            raise ReportError(f"trial {trial_id}: {err}") from err
        raise
    sync_folder(home)
    try:
        _prune(folder, path, attempt)
    except OSError as err:
        log.warning("cannot look for old checkpoints in %s: %s", home, err)
    return path


def load_newest(
    folder: Path, trial_id: int, objects: Mapping[str, Restorable]
) -> Checkpoint | None:
    """Put the newest usable checkpoint into `objects`; None if the trial has none.

    The global generators go back with it. A checkpoint that fails its checksums or belongs to
    another trial is set aside, one that cannot be read just now is passed over; all with a
    warning, and the one before is taken.

    Raises:
        ReportError: a whole checkpoint does not fit the objects: other code made it.
    """
    candidates = find(folder)
    for found in candidates:
        try:
            states = read(found, verify(found, trial_id), objects)
            put(objects, states)
        except OSError as err:
            log.warning("trial %d: %s cannot be read now: %s", trial_id, found.path, err)
        except UnusableError as err:
            log.warning("trial %d: %s is not usable: %s", trial_id, found.path, err)
            _set_aside(found, err.prefix)
        except OtherCodeError as err:
            raise ReportError(
                f"trial {trial_id}: the checkpoint {found.path} {err}. The code has changed since"
                " it was made: change it back, or start with --fresh"
            ) from err
        else:
            return found
    if candidates:
        log.warning("trial %d: no checkpoint is usable; it starts from the beginning", trial_id)
    elif read_reports(folder):
        log.warning(
            "trial %d has been trained before, but %s holds no checkpoint (deleted, or lost before"
            " the first was due); it starts from the beginning",
            trial_id,
            folder / FOLDER,
        )
    return None


def discard(folder: Path) -> int:
    """Delete all checkpoints of the trial in `folder` that this package wrote.

    For trials that will not be trained on. What the user's code saved there stays, and so does what
    others put there. What is gone already, or goes meanwhile, is no error;
    what cannot be deleted stays, with a warning.

    Returns:
        The bytes that this call has freed.
    """
    home = folder / FOLDER
    try:
        entries = list(home.iterdir())
    except OSError:
        return 0
    freed = 0
    for entry in entries:
        if not _is_ours(entry.name):
            if entry.name == USERS_FILES:
                with contextlib.suppress(OSError):  # because it holds something
                    entry.rmdir()
            continue
        try:
            freed += _delete(_hide(entry))
        except FileNotFoundError:
            continue
        except OSError as err:
            log.warning("cannot delete %s: %s", entry, err)
    if not home.is_symlink():  # because it may be the user's way to another disk
        with contextlib.suppress(OSError):  # because something may have stayed, or come anew
            home.rmdir()
    return freed


def _is_ours(name: str) -> bool:
    return bool(_NAME.fullmatch(name) or _NEW_NAME.fullmatch(name)) or name.startswith(RUBBISH)


def _hide(path: Path) -> Path:
    """Rename what is to be deleted first, so that no reader ever sees half a checkpoint."""
    return path.rename(path.with_name(f".old-{os.urandom(4).hex()}"))


def _delete(path: Path) -> int:
    """Delete a file or a tree, links as links; the bytes freed."""
    try:
        if path.is_dir() and not path.is_symlink():
            freed = sum(_delete(entry) for entry in list(path.iterdir()))
            with contextlib.suppress(OSError):  # because its content has said why
                path.rmdir()
            return freed
        status = path.lstat()
        path.unlink()
    except FileNotFoundError:
        return 0
    except OSError as err:
        log.warning("cannot delete %s: %s", path, err)
        return 0
    return status.st_size if status.st_nlink == 1 else 0


def _prune(folder: Path, new: Path, attempt: int) -> None:
    """Delete what is older than the kept ones, and the rubbish of interrupted saves.

    The one just written always stays, even where an older attempt that nobody stopped yet has
    written a later epoch.
    """
    for old in [c for c in find(folder) if c.path != new][KEPT - 1 :]:
        try:
            _hide(old.path)
        except OSError as err:
            log.warning("cannot delete the old checkpoint %s: %s", old.path, err)
    for entry in list((folder / FOLDER).iterdir()):
        started = _NEW_NAME.fullmatch(entry.name)
        if entry.name.startswith(RUBBISH) or (started and int(started[1]) < attempt):
            _remove_tree(entry)


def _set_aside(found: Checkpoint, prefix: str) -> None:
    try:
        found.path.rename(found.path.with_name(f"{prefix}{found.path.name}-{os.urandom(4).hex()}"))
    except OSError as err:
        log.warning("cannot set %s aside: %s", found.path, err)


def _remove_tree(folder: Path) -> None:
    """Remove a folder with what is in it, as far as it can be removed."""
    import shutil  # here, because it imports much that a short trial never needs

    shutil.rmtree(folder, ignore_errors=True)
