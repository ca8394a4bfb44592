"""Throw-away users of this machine: the owner of a campaign, a labmate in the group, a stranger.

Only root can make them. What a user does runs in a forked child with that user's ids and umask, so
with all that the test has imported; whole commands run as any command does.
"""

from __future__ import annotations

import codecs
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from user_project import ROOT, TIMEOUT_S

NEEDED = ("useradd", "userdel", "groupadd", "groupdel", "setpriv", "unshare", "mount")
NO_USERS = "NO USERS:"
UMASKS = (0o000, 0o002, 0o022, 0o077)

# Where root's home, which others may not enter, holds the interpreter: a home without anything else
# in it, for this command alone.
ENTER = """
if [ -n "$1" ]; then
    mount --bind "$2" /mnt && mount -t tmpfs -o mode=755 tmpfs "$1" &&
    mkdir -p "$2" && mount --move /mnt "$2" || exit 99
fi
umask "$3"; cd "$4"; as=$5; shift 5
exec setpriv $as "$@"
"""


class UsersError(Exception):
    """What a user's action raised, in words; an OSError comes as it is."""


@dataclass(frozen=True)
class User:
    """One user; `groups` are all that it is in, the first the one that its files get."""

    name: str
    uid: int
    groups: tuple[int, ...]
    home: Path

    def does(self, action: Callable[[], Any], *, umask: int = 0o022) -> Any:
        """What `action` gives, or raises, when this user does it."""
        codecs.lookup("ascii")  # what is loaded late lies where only root may read
        reading, writing = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # because a fork beside threads is warned of
            child = os.fork()
        if child == 0:
            self._become_and_tell(action, umask, writing)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            told = file.read()
        os.waitpid(child, 0)
        is_right, value = pickle.loads(told)
        if is_right:
            return value
        raise value

    def _become_and_tell(self, action: Callable[[], Any], umask: int, writing: int) -> None:
        try:
            os.setgroups(self.groups)
            os.setgid(self.groups[0])
            os.setuid(self.uid)
            os.umask(umask)
            told = True, action()
        except BaseException as err:  # noqa: BLE001  # because it is raised again by the test
            told = False, err if isinstance(err, OSError) else UsersError(repr(err))
        data = pickle.dumps(told)
        with os.fdopen(writing, "wb") as file:
            file.write(data)
        os._exit(0)

    def runs(
        self, words: Sequence[str], cwd: Path, *, umask: int = 0o022, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """A command of this user, to its end; its traceback is never right."""
        base = str(Path(sys.base_prefix).resolve())
        groups = ",".join(map(str, self.groups))
        ids = f"--reuid={self.uid} --regid={self.groups[0]} --groups={groups}"
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "sh"]
        done = subprocess.run(
            [*enter, _closed_above(base), base, f"{umask:03o}", str(cwd), ids, *words],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.home),
                "USER": self.name,
                "PYTHONPATH": f"{ROOT}/tests/no_sync:{ROOT}",
                "PYTHONDONTWRITEBYTECODE": "1",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done


def _closed_above(path: str) -> str:
    """The uppermost folder above `path` that others cannot enter; empty: there is none."""
    above = [*reversed(Path(path).parents), Path(path)]
    return next((str(folder) for folder in above if not folder.stat().st_mode & 0o001), "")


@dataclass(frozen=True)
class People:
    """Who shares a machine; `scratch` is a folder that all may enter."""

    owner: User
    labmate: User
    stranger: User
    lab: int
    scratch: Path

    def alone(self) -> User:
        """The owner on a system that gives each user a group of the same name."""
        owner = self.owner
        return User(owner.name, owner.uid, owner.groups[::-1], owner.home)


def why_not() -> str | None:
    """Why no users can be made here."""
    if os.geteuid() != 0:
        return "only root can make users"
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"there is no {missing[0]}"
    namespace = ["unshare", "--mount", "true"]
    if subprocess.run(namespace, capture_output=True, check=False).returncode != 0:
        return "no mount namespace can be made"
    return None


@contextmanager
def some_people() -> Iterator[People]:
    """Three users, for as long as the tests run."""
    scratch = Path(tempfile.mkdtemp(prefix="hpo-users-", dir="/tmp"))
    scratch.chmod(0o755)
    mark = os.getpid()
    names = {kind: f"hpo{kind}{mark}" for kind in ("own", "mate", "far", "lab")}
    made: list[list[str]] = []

    def make(*command: str, undo: list[str]) -> None:
        subprocess.run(command, check=True, capture_output=True, text=True)
        made.append(undo)

    try:
        make("groupadd", names["lab"], undo=["groupdel", names["lab"]])
        for kind in ("own", "mate", "far"):
            name = names[kind]
            make("useradd", "-M", "-U", "-d", str(scratch), name, undo=["userdel", name])
        users = {kind: _user(names[kind], scratch) for kind in ("own", "mate", "far")}
        lab = _id("-g", names["lab"], "group")
        owner, mate = (
            User(user.name, user.uid, (lab, user.groups[0]), scratch)
            for user in (users["own"], users["mate"])
        )
        yield People(owner, mate, users["far"], lab, scratch)
    finally:
        for command in reversed(made):
            subprocess.run(command, check=False, capture_output=True)
        shutil.rmtree(scratch, ignore_errors=True)


def _user(name: str, home: Path) -> User:
    return User(name, _id("-u", name, "passwd"), (_id("-g", name, "passwd"),), home)


def _id(which: str, name: str, table: str) -> int:
    fields = subprocess.run(
        ["getent", table, name], check=True, capture_output=True, text=True
    ).stdout.split(":")
    return int(fields[3] if (which, table) == ("-g", "passwd") else fields[2])


def give(folder: Path, people: People, mode: int = 0o755) -> Path:
    """Let a folder be the owner's and the lab's."""
    os.chown(folder, people.owner.uid, people.lab)
    folder.chmod(mode)
    return folder
