"""The campaign's folder tried out: room, quota, and what its filesystem does with files.

What is written for it lies in a folder of its own, which is removed again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hpo import checkpoint
from hpo.doctor import disk
from hpo.doctor.disk import Need, Probed
from hpo.doctor.finding import Finding
from hpo.doctor.quotas import Quota, command, read
from hpo.doctor.wish import Wish
from hpo.folder import safety
from hpo.folder.files import Layout

QUOTA_TIMEOUT_S = 15.0
LOOKED_AT = 50  # trials of an earlier start, for the size of a checkpoint


def examine_place(root: Path, wish: Wish | None) -> list[Finding]:
    """All that can be said of the folder `root`, which need not be there yet.

    Without a `wish` nothing is said of room, because nobody knows what will be written.
    """
    home = existing(root)
    findings = [disk.umask(current_umask())]
    kind, _, _ = mounted(home)
    if wish is not None:
        findings += examine_room(root, wish, checkpoint_bytes(Layout(root)))
    try:
        with throw_away(home) as folder:
            findings += disk.files(probe(folder, kind))
    except OSError as err:
        findings.append(disk.unwritable(str(home), err.strerror or str(err)))
    return findings


def examine_room(root: Path, wish: Wish, checkpoint: int | None) -> list[Finding]:
    """Space and quota for the campaign in `root`, whose checkpoints have so many bytes."""
    home = existing(root)
    kind, device, mount = mounted(home)
    need = Need(wish.files, wish.bytes(checkpoint), checkpoint)
    return [_space(home, need, mount), _quota(home, kind, device, need)]


def existing(path: Path) -> Path:
    """The folder itself, or the next one above it that is there."""
    return next((p for p in (path, *path.parents) if os.path.exists(p)), Path("/"))


@contextmanager
def throw_away(home: Path) -> Iterator[Path]:
    """A new folder in `home`, which is gone afterwards.

    Raises:
        OSError: none can be made there.
    """
    folder = Path(tempfile.mkdtemp(prefix=".hpo-doctor-", dir=home))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def current_umask() -> int:
    """The user's; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def mounted(folder: Path) -> tuple[str, str, str]:
    """Kind, device and place of the filesystem that `folder` is on; empty where nobody tells."""
    found = ("", "", "/")
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return found
    real = Path(os.path.realpath(folder))
    for line in lines:
        device, place, kind = [*line.split(), "", "", ""][:3]
        place = place.replace("\\040", " ")
        # The last one that fits is on top.
        if real.is_relative_to(place or "/nowhere") and len(place) >= len(found[2]):
            found = (kind, device, place)
    return found


def checkpoint_bytes(layout: Layout) -> int | None:
    """The size of the largest checkpoint that an earlier start left; None: there is none."""
    sizes = []
    with suppress(OSError):  # because a campaign that runs deletes what nobody goes on from
        for trial in sorted(layout.trials.iterdir())[:LOOKED_AT]:
            for found in checkpoint.find(trial)[:1]:
                sizes.append(sum(file.stat().st_size for file in found.path.iterdir()))
    return max(sizes, default=None)


def _space(home: Path, need: Need, mount: str) -> Finding:
    try:
        info = os.statvfs(home)
    except OSError as err:
        return Finding("space", "unknown", f"{home} does not tell its free space: {err.strerror}")
    counts_files = info.f_files > 0
    free_files = info.f_favail if counts_files else None
    return disk.space(info.f_bavail * info.f_frsize, free_files, need, mount)


def _quota(home: Path, kind: str, device: str, need: Need) -> Finding:
    asked = command(kind, device, str(home), safety.login_name())
    if shutil.which(asked[0]) is None:
        return Finding("quota", "unknown", f"{asked[0]} is not installed here")
    try:
        done = subprocess.run(
            asked,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=QUOTA_TIMEOUT_S,
            check=False,  # because quota(1) ends with 1 where one is exceeded
        )
    except (OSError, subprocess.TimeoutExpired):
        return Finding("quota", "unknown", f"{asked[0]} did not answer in {QUOTA_TIMEOUT_S:.0f} s")
    found: list[Quota] = read(kind, done.stdout, device)
    return disk.quotas(found, need, asked[0])


def probe(folder: Path, kind: str) -> Probed:
    """Try what the campaign's files rely on, in the empty `folder`."""
    tries: dict[str, Callable[[Path], None]] = {
        "rename over a file": _rename,
        "append": _append,
        "hard link": _link,
        "exclusive creation": _exclusive,
    }
    refused = []
    for what, act in tries.items():
        try:
            act(folder)
        except OSError as err:
            refused.append((what, err.strerror or str(err)))
    return Probed(kind or "unknown", tuple(refused), _skew(folder))


def _rename(folder: Path) -> None:
    old, new = folder / "old", folder / "new"
    old.write_text("old")
    _write(new, "new")
    new.replace(old)
    if old.read_text() != "new" or new.exists():
        raise OSError("the old file is still there")


def _append(folder: Path) -> None:
    path = folder / "lines"
    for text in ("one", "two"):
        with path.open("a") as file:
            file.write(f"{text}\n")
    if path.read_text() != "one\ntwo\n":
        raise OSError("lines are missing")


def _link(folder: Path) -> None:
    source = folder / "source"
    source.write_text("x")
    os.link(source, folder / "link")
    if source.stat().st_nlink != 2:
        raise OSError("it is not counted")


def _exclusive(folder: Path) -> None:
    path = folder / "lock"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    raise OSError("a lock was given twice")


def _write(path: Path, text: str) -> None:
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _skew(folder: Path) -> float | None:
    """How far the clock that stamps files is ahead; 0 within the time that writing took."""
    path = folder / "clock"
    try:
        before = time.time()
        _write(path, "x")
        after = time.time()
        stamped = path.stat().st_mtime
    except OSError:
        return None
    # Some servers stamp whole seconds.
    return min(0.0, stamped + 1.0 - before) + max(0.0, stamped - after)
