"""Every path of a campaign directory, and the ways a file may be written there.

Owns the names (a leg's file is called as its `offers.Leg` says, a checkpoint as its store does).
Three safe writes: publish a whole file (new name, fsync, rename), append one line (one write,
fsync, close), rename. Nothing is ever decided from an mtime, which GPFS may show minutes late.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from hpo.folder import opening
from hpo.folder.json_text import parse

TRIAL_CONFIG = "config.json"  # in a trial's folder
EPOCHS_FROM_ZERO = "epochs_from_0"
TAIL_BYTES = 64_000
MOST_BYTES = 100_000_000  # of a file that is read whole; a result with 100,000 reports has 10 MB
MOST_CAMPAIGN_BYTES = 8_000_000  # each job reads it, and JSON takes 25 times its size of memory
CHECKPOINTS = "checkpoint"  # in a trial's folder
USERS_FILES = "user"  # therein


_REPORTS = re.compile(r"reports-a(\d{1,15})\.jsonl")


class _Below:
    """A path of fixed name below the root of a `Layout`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, layout: Layout, owner: type[Layout]) -> Path:
        return layout.root / self._name


@dataclass(frozen=True)
class Layout:
    """The files of one campaign below `root`; see docs/architecture.md for who writes what."""

    root: Path

    campaign = _Below("campaign.json")  # resolved settings and space, read by every seat
    journal = _Below("journal.jsonl")  # what the manager decided and accepted, one JSON a line
    lock = _Below("manager.lock")  # held by the one manager of this campaign
    manager = _Below("manager.json")  # names the manager that holds the lock, or held it last
    clock = _Below("clock.json")  # by which a next manager goes on with the time of this one
    offers = _Below("offers")  # legs that any seat may take
    claims = _Below("claims")  # legs that a job holds
    revoked = _Below("revoked")  # offers that the manager took back
    jobs = _Below("jobs")  # logs and start scripts of the jobs
    cancelled = _Below("jobs/cancelled")  # lists of the jobs that `hpo stop` cancelled
    live = _Below("jobs/live")  # which local jobs are which processes
    probe = _Below("jobs/.room")  # written and removed again, to see whether there is room
    quarantined = _Below("jobs/quarantined.json")  # nodes that no more legs are to be run on
    start_script = _Below("jobs/start.sh")  # how SLURM's jobs start, read by each as it does
    asked = _Below("jobs/asked.json")  # the settings that SLURM's waiting jobs were asked for with
    starts = _Below("jobs/starts")  # which starts are under way, and which failed on what node
    ground = _Below("jobs/ground.json")  # what the first job found
    silence = _Below("jobs/silence.json")  # how long legs report nothing, at most
    code = _Below("code")  # copies of the objective's code, with `snapshot_code`
    results = _Below("results")  # one file per trial, for people and pandas
    all_results = _Below("results/all.jsonl")  # all of them, for who reads them all
    trials = _Below("trials")  # one folder per trial
    best_config = _Below("best_config.json")  # the incumbent's configuration
    final_results = _Below("final_results.json")  # the summary of an ended campaign
    plots = _Below("plots")  # pictures
    exports = _Below("exports")  # for other programs
    status = _Below("status.json")  # counts and running trials, for people on another node
    report = _Below("report.html")  # the campaign as one page
    leave = _Below("leave")  # lies there while running trials are asked to save and leave
    stop = _Below("stop.json")  # lies there from `hpo stop` to the next start
    requests = _Below("requests")  # what people ask of a campaign that goes on

    def cancelled_list(self, token: str) -> Path:
        """One of these, under a name that no other has."""
        return self.cancelled / f"{token}.json"

    def request(self, token: str) -> Path:
        """What somebody asks for, until the manager has taken it up."""
        return self.requests / f"{token}.json"

    def live_job(self, job_id: str) -> Path:
        """Which process a local job is."""
        return self.live / f"{job_id}.json"

    def shrunk(self, array: str) -> Path:
        """The time limits of seats of an array that gave up time while they waited."""
        return self.jobs / f"shrunk-{array}.json"

    def remark(self, kind: str) -> Path:
        """What a job noticed that concerns the campaign."""
        return self.jobs / f"remark-{kind}.json"

    def job_log(self, job_id: str, *, on_slurm: bool) -> Path:
        """What a job printed; submitit names its logs after the job and the task within it."""
        return self.jobs / (f"{job_id}_0_log.out" if on_slurm else f"{job_id}.out")

    def campaign_log(self, stamp: str) -> Path:
        """What a manager that began at `stamp` said."""
        return self.root / f"hpo_campaign_{stamp}.log"

    def result(self, trial_id: int) -> Path:
        """The standing result of a trial."""
        return self.results / f"trial_{trial_id}.json"

    def trial(self, trial_id: int) -> Path:
        """The folder of a trial: configuration, reports, checkpoint, links to job logs."""
        return self.trials / f"trial_{trial_id}"

    def trial_before(self, trial_id: int, attempt: int) -> Path:
        """The same as it was before the trial was run again from the start, as this attempt."""
        return self.trials / f"trial_{trial_id}.before_a{attempt}"

    def work(self, trial_id: int) -> Path:
        """Where a trial runs that has a folder of its own."""
        return self.trial(trial_id) / "work"

    def users_files(self, trial_id: int) -> Path:
        """What a trial's code saves itself; never deleted by us."""
        return self.trial(trial_id) / CHECKPOINTS / USERS_FILES

    def config(self, trial_id: int) -> Path:
        """A trial's configuration, for people and for scripts."""
        return self.trial(trial_id) / TRIAL_CONFIG

    def job_link(self, trial_id: int, job_id: str) -> Path:
        """A link to the log of a job that ran a leg of the trial."""
        return self.trial(trial_id) / f"job_{job_id}.out"

    @property
    def inner(self) -> tuple[Path, ...]:
        """The folders right below the root."""
        return self.offers, self.claims, self.revoked, self.jobs, self.results, self.trials

    def create(self) -> None:
        """Make the folders, for the user alone where they are new; see `safety.create`.

        Raises:
            OSError: one of them cannot be made, or is a link.
        """
        make_above(self.root)
        with opening.opened(self.root.parent) as home:
            opening.make_in(home, self.root.name, 0o700)
        for folder in self.inner:
            opening.make_folder(folder)


def make_above(root: Path) -> None:
    """Make the folders above a campaign that are missing: nobody but the user writes there.

    Raises:
        OSError: one of them cannot be made, or is a link.
    """
    for folder in reversed(root.parents):
        if not os.path.lexists(folder):
            with opening.opened(folder.parent) as home, contextlib.suppress(FileExistsError):
                os.mkdir(folder.name, 0o755, dir_fd=home)


class AttemptFiles(NamedTuple):
    """The files of one attempt in the `folder` of its trial."""

    folder: Path
    attempt: int

    @classmethod
    def with_reports(cls, folder: Path) -> list[AttemptFiles]:
        """The attempts of a trial that have reported, oldest first.

        Raises:
            OSError: the folder cannot be listed now, or is not there.
        """
        found = (_REPORTS.fullmatch(name) for name in os.listdir(folder))
        return [cls(folder, number) for number in sorted(int(name[1]) for name in found if name)]

    @property
    def begun(self) -> Path:
        """Who began the attempt, where, when, and with how much."""
        return self.folder / f"attempt-a{self.attempt}.json"

    @property
    def reports(self) -> Path:
        """One report a line."""
        return self.folder / f"reports-a{self.attempt}.jsonl"

    @property
    def leave(self) -> Path:
        """Lies there while this attempt alone is asked to save and leave."""
        return self.folder / f"leave-a{self.attempt}"

    @property
    def result(self) -> Path:
        """What it came to."""
        return self.folder / f"result-a{self.attempt}.json"

    @property
    def ready(self) -> Path:
        """The same, ready to become the trial's standing result by a rename."""
        return self.folder / f"standing-a{self.attempt}.json"


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
    temporary = f".{path.name}.{os.urandom(4).hex()}.tmp"
    with opening.opened(path.parent) as home:
        try:
            with os.fdopen(opening.create_in(home, temporary), "w", encoding="utf-8") as file:
                file.write(text)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path.name, src_dir_fd=home, dst_dir_fd=home)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=home)
            raise
        if durable and folder:
            opening.sync(home)


def publish_json(path: Path, value: Any, *, durable: bool = True, folder: bool = True) -> None:
    """`publish` for a JSON document that people read too."""
    publish(path, to_json(value, indent=2) + "\n", durable=durable, folder=folder)


def publish_again(path: Path, other: Path) -> None:
    """Give what was published at `path` a second name, `other`, which is replaced; both durable.

    One file for both, where the filesystem can: quotas count files.

    Raises:
        OSError: the disk is full, over quota or away.
    """
    temporary = f".{other.name}.{os.urandom(4).hex()}.tmp"
    with opening.opened(path.parent) as old, opening.opened(other.parent) as home:
        try:
            os.link(path.name, temporary, src_dir_fd=old, dst_dir_fd=home, follow_symlinks=False)
            os.replace(temporary, other.name, src_dir_fd=home, dst_dir_fd=home)
        except OSError:
            publish(other, read_plain(path).decode())
            return
        finally:
            # Two names of one file: the rename of one over the other does nothing, and leaves it.
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=home)
        opening.sync(home)


def append_line(path: Path, text: str) -> None:
    """Append one line, on disk when this returns; readers on other nodes see it from then on.

    The file is closed each time: close-to-open is all that NFS promises. What a failed write left
    is cut off; where that fails as well, the next line starts behind it on a line of its own.

    Raises:
        OSError: disk full, over quota or away; the line is not there.
    """
    with os.fdopen(opening.open_to_append(path), "a+b", buffering=0) as file:
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
    return os.fdopen(opening.open_existing(path), "rb")


def read_plain(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The bytes of a plain file of a size that makes sense.

    Raises:
        OSError: missing, no plain file, not readable just now, or larger than `most_bytes`.
    """
    with open_plain(path) as file:
        return read_all(file, path, most_bytes)


def read_all(file: BinaryIO, path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """The same of one that is open.

    Raises:
        OSError: it cannot be read just now, or is larger than `most_bytes`.
    """
    size = os.fstat(file.fileno()).st_size
    data = b"" if size > most_bytes else file.read(most_bytes + 1)
    if max(size, len(data)) > most_bytes:
        raise OSError(errno.EFBIG, f"is larger than {most_bytes / 1e6:.0f} MB", str(path))
    return data


def read_tail(path: Path) -> list[str]:
    """The last lines of a log, which may be of any size; the first of them may be cut.

    Raises:
        OSError: missing, no plain file, or not readable just now.
    """
    with open_plain(path) as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
        return file.read(TAIL_BYTES).decode("utf-8", "replace").splitlines()


def read_json(path: Path, most_bytes: int = MOST_BYTES) -> Any | None:
    """The document at `path`, or None for "no news": missing, torn, or not readable just now."""
    try:
        return parse(read_plain(path, most_bytes))
    except (OSError, ValueError):
        return None


def read_object(path: Path, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """The JSON object at `path`; empty where there is no news, or anything else."""
    found = read_json(path, most_bytes)
    return found if isinstance(found, dict) else {}


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable, where the filesystem knows how."""
    with contextlib.suppress(OSError), opening.opened(folder) as home:
        opening.sync(home)
