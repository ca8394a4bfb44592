"""Every path of a campaign directory, and the ways a file may be written there.

Owns the names (nobody else joins path strings) and the three safe writes: publish a whole file
(new name, fsync, rename), append one line (one write, fsync, close), rename. Holds no policy and
never decides anything from an mtime, which GPFS may show minutes late.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

TAIL_BYTES = 64_000
MOST_BYTES = 100_000_000  # of a file that is read whole; a result with 100,000 reports has 10 MB
CHECKPOINTS = "checkpoint"  # in a trial's folder
USERS_FILES = "user"  # therein


@dataclass(frozen=True)
class Layout:
    """The files of one campaign below `root`; see docs/architecture.md for who writes what."""

    root: Path

    @property
    def campaign(self) -> Path:
        """Resolved settings and space, read by every seat."""
        return self.root / "campaign.json"

    @property
    def journal(self) -> Path:
        """Decisions and accepted facts of the manager, one JSON object a line."""
        return self.root / "journal.jsonl"

    @property
    def lock(self) -> Path:
        """Held by the one manager of this campaign."""
        return self.root / "manager.lock"

    @property
    def manager(self) -> Path:
        """Names the manager that holds the lock, or held it last."""
        return self.root / "manager.json"

    @property
    def offers(self) -> Path:
        """Legs that any seat may take."""
        return self.root / "offers"

    @property
    def claims(self) -> Path:
        """Legs that a job holds."""
        return self.root / "claims"

    @property
    def revoked(self) -> Path:
        """Offers that the manager took back."""
        return self.root / "revoked"

    @property
    def jobs(self) -> Path:
        """Logs and start scripts of the jobs."""
        return self.root / "jobs"

    @property
    def results(self) -> Path:
        """One file per trial, for people and pandas."""
        return self.root / "results"

    @property
    def trials(self) -> Path:
        """One folder per trial."""
        return self.root / "trials"

    @property
    def best_config(self) -> Path:
        """The incumbent's configuration."""
        return self.root / "best_config.json"

    @property
    def final_results(self) -> Path:
        """The summary of an ended campaign."""
        return self.root / "final_results.json"

    @property
    def status(self) -> Path:
        """Counts and running trials, for people who look in from another node."""
        return self.root / "status.json"

    @property
    def leave(self) -> Path:
        """Lies there while running trials are asked to save and leave."""
        return self.root / "leave"

    @property
    def stop(self) -> Path:
        """Lies there from `hpo stop` to the next start."""
        return self.root / "stop.json"

    @property
    def cancelled(self) -> Path:
        """Lists of the jobs that `hpo stop` cancelled."""
        return self.jobs / "cancelled"

    def result(self, trial_id: int) -> Path:
        """The standing result of a trial."""
        return self.results / f"trial_{trial_id}.json"

    def trial(self, trial_id: int) -> Path:
        """The folder of a trial: configuration, reports, checkpoint, links to job logs."""
        return self.trials / f"trial_{trial_id}"

    def users_files(self, trial_id: int) -> Path:
        """What a trial's code saves itself; never deleted by us."""
        return self.trial(trial_id) / CHECKPOINTS / USERS_FILES

    def create(self) -> None:
        """Make the folders; new campaign folders are private to the user (mode 700)."""
        self.root.parent.mkdir(parents=True, exist_ok=True)
        self.root.mkdir(mode=0o700, exist_ok=True)
        inner = (self.offers, self.claims, self.revoked, self.jobs, self.results, self.trials)
        for folder in inner:
            folder.mkdir(exist_ok=True)


def to_json(value: Any, *, indent: int | None = None) -> str:
    """Standard JSON text: NaN and infinity are refused, so that every reader can read it.

    Raises:
        ValueError: `value` holds NaN or an infinity.
    """
    return json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=False)


def is_writable(value: Any) -> bool:
    """Whether `to_json` and a UTF-8 file can hold what some reader of JSON let through."""
    try:
        to_json(value).encode()
    except (ValueError, RecursionError):
        return False
    return True


def publish(path: Path, text: str, *, durable: bool = True, folder: bool = True) -> None:
    """Replace `path` by `text` so that a reader sees the old file or the new one, whole.

    Not `durable`: a crash of the machine may lose it or leave it empty, and nothing hangs on it.
    Not `folder`: its name is durable once that of another file in its folder is.

    Raises:
        OSError: the disk is full, over quota or away; the old file is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable and folder:
        sync_folder(path.parent)


def publish_json(path: Path, value: Any, *, durable: bool = True, folder: bool = True) -> None:
    """`publish` for a JSON document that people read too."""
    publish(path, to_json(value, indent=2) + "\n", durable=durable, folder=folder)


def append_line(path: Path, text: str) -> None:
    """Append one line, on disk when this returns; readers on other nodes see it from then on.

    The file is closed each time: close-to-open is all that NFS promises. What a failed write left
    is cut off; where that fails as well, the next line starts behind it on a line of its own.

    Raises:
        OSError: disk full, over quota or away; the line is not there.
    """
    with path.open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        whole = size == 0 or os.pread(file.fileno(), 1, size - 1) == b"\n"
        data = (("" if whole else "\n") + text + "\n").encode()
        try:
            if file.write(data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                file.truncate(size)
            raise


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading, and nothing that blocks, acts, or leads elsewhere.

    Raises:
        OSError: missing, or a link, a pipe, a device: nothing that this program wrote.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(path, flags)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "is no plain file", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_plain(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """The bytes of a plain file of a size that makes sense.

    Raises:
        OSError: missing, no plain file, not readable just now, or larger than `most` bytes.
    """
    with open_plain(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"is larger than {most / 1e6:.0f} MB", str(path))
    return data


def read_tail(path: Path) -> list[str]:
    """The last lines of a log, which may be of any size; the first of them may be cut.

    Raises:
        OSError: missing, no plain file, or not readable just now.
    """
    with open_plain(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        return file.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()


def read_json(path: Path) -> Any | None:
    """The document at `path`, or None for "no news": missing, torn, or not readable just now."""
    try:
        return json.loads(read_plain(path))
    except (OSError, ValueError, RecursionError):
        return None


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable, where the filesystem knows how."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # because some network filesystems refuse fsync on folders
    finally:
        os.close(descriptor)
