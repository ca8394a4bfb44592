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
from hpo.folder import opening
from hpo.folder.files import CHECKPOINTS, USERS_FILES, publish_json, sync_folder
from hpo.folder.reports import read_reports

log = logging.getLogger(__name__)

FOLDER = CHECKPOINTS  # below the trial's folder
KEPT = 2  # the newest, and one more to fall back on
_NAME = re.compile(r"epoch_(\d{1,15})-a(\d{1,15})(?:\.(\d{1,15}))?")
_RUBBISH = re.compile(r"\.old-[0-9a-f]{8}|\.broken-epoch_.+-[0-9a-f]{8}")  # on its way out
_NEW_NAME = re.compile(r"\.new-a(\d{1,15})-.*")


def find(folder: Path) -> list[Checkpoint]:
    """Return the complete checkpoints of the trial in `folder`, newest first."""
    try:
        names = opening.names_in(folder / FOLDER)
    except OSError:
        return []
    return sorted(
        (
            Checkpoint(int(match[1]), int(match[2]), int(match[3] or 0), folder / FOLDER / name)
            for name in names
            if (match := _NAME.fullmatch(name))
        ),
        reverse=True,
    )


def require_listing(folder: Path) -> None:
    """Tell a trial without checkpoints from a file server that is away.

    Raises:
        OSError: nobody can tell now; to be tried again.
    """
    with contextlib.suppress(FileNotFoundError):
        opening.names_in(folder / FOLDER)  # the names do not matter


def save(
    folder: Path, *, resource: int, trial_id: int, attempt: int, objects: Mapping[str, Restorable]
) -> Path:
    """Write a checkpoint of the trial in `folder` and delete those no longer needed.

    Raises:
        ReportError: the state of an object cannot be saved.
        OSError: disk full, over quota or away; the checkpoints before are untouched.
    """
    home = folder / FOLDER
    opening.make_folder(home, parents=2)
    new = home / f".new-a{attempt}-{os.urandom(4).hex()}"
    opening.make_folder(new)
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
        path = home / f"epoch_{resource}-a{attempt}{suffix}"
        opening.rename(new, path)
    except BaseException as err:
        _delete(new)
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


def written(folder: Path) -> list[Path]:
    """All that this package wrote of checkpoints of the trial in `folder`, whole or not.

    Empty also where that cannot be read now.
    """
    home = folder / FOLDER
    try:
        return [home / name for name in opening.names_in(home) if _is_ours(name)]
    except OSError:
        return []


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
        names = opening.names_in(home)
    except FileNotFoundError:
        return 0
    except OSError as err:
        log.warning("no checkpoint is deleted: %s", err)
        return 0
    freed = 0
    for name in names:
        if _is_ours(name):
            freed += _delete(home / name, hide=True)
    with contextlib.suppress(OSError), opening.opened(home) as handle:
        os.rmdir(USERS_FILES, dir_fd=handle)  # where it holds nothing
    with contextlib.suppress(OSError), opening.opened(folder) as handle:
        os.rmdir(FOLDER, dir_fd=handle)  # likewise: something may have stayed, or come anew
    return freed


def _is_ours(name: str) -> bool:
    return any(known.fullmatch(name) for known in (_NAME, _NEW_NAME, _RUBBISH))


def _delete(path: Path, *, hide: bool = False) -> int:
    """Delete a tree, links as links; the bytes freed.

    With `hide` it is renamed first, so that no reader ever sees half a checkpoint.
    """
    kept: list[OSError] = []
    freed = 0
    try:
        with opening.opened(path.parent) as home:
            name = _hidden(home, path.name) if hide else path.name
            freed = opening.remove_tree_in(home, name, kept)
    except FileNotFoundError:
        pass
    except OSError as err:
        kept.append(err)
    for why in kept:
        log.warning("cannot delete %s: %s", path, why)
    return freed


def _hidden(home: int, name: str) -> str:
    new = f".old-{os.urandom(4).hex()}"
    os.rename(name, new, src_dir_fd=home, dst_dir_fd=home)
    return new


def _prune(folder: Path, new: Path, attempt: int) -> None:
    """Delete what is older than the kept ones, and the rubbish of interrupted saves.

    The one just written always stays, even where an older attempt that nobody stopped yet has
    written a later epoch.
    """
    home = folder / FOLDER
    with opening.opened(home) as handle:
        for old in [c for c in find(folder) if c.path != new][KEPT - 1 :]:
            try:
                _hidden(handle, old.path.name)
            except OSError as err:
                log.warning("cannot delete the old checkpoint %s: %s", old.path, err)
    for name in opening.names_in(home):
        started = _NEW_NAME.fullmatch(name)
        if _RUBBISH.fullmatch(name) or (started and int(started[1]) < attempt):
            _delete(home / name)


def _set_aside(found: Checkpoint, prefix: str) -> None:
    path = found.path.with_name(f"{prefix}{found.path.name}-{os.urandom(4).hex()}")
    try:
        opening.rename(found.path, path)
    except OSError as err:
        log.warning("cannot set %s aside: %s", found.path, err)
