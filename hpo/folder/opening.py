"""What lies in a campaign's folder: opened, made and removed there, and nothing elsewhere.

A path is taken apart: the folder in it is opened, must be where the path says, so without a link on
the way (but root's), and the last name is reached from that handle. Nobody can put another folder
into its place between two steps. Files are plain ones. The mode of what is made follows from its
folder, whatever the umask: who may read a folder may read what lies in it, who may write there may
write it too, unless the folder is sticky. Standard library only, because every job imports it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

_FOLDER = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
READABLE = _FOLDER | os.O_RDONLY
_HANDLE = _FOLDER | getattr(os, "O_PATH", os.O_RDONLY)  # no call to the server beyond the look-up
_PLAIN = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # nothing that blocks, acts or leads on
_DELETED = " (deleted)"
_MOST_LINKS = 40  # on one path, as the kernel has it


@contextlib.contextmanager
def opened(folder: Path, flags: int = _HANDLE) -> Iterator[int]:
    """A handle for `dir_fd` of a folder that lies where its path says.

    Raises:
        OSError: missing, no folder, or reached by a link.
    """
    try:
        descriptor = os.open(folder, flags)
    except NotADirectoryError as err:
        if not os.path.islink(folder):  # noqa: PTH114  # because Path's may raise
            raise
        real = _by_roots_links(os.path.abspath(folder))  # noqa: PTH100  # see below
        if real == str(folder):
            raise _elsewhere(folder, "it is one itself") from err
        descriptor = os.open(real, flags)
    try:
        _require_place(descriptor, folder)
        yield descriptor
    finally:
        os.close(descriptor)


def _require_place(descriptor: int, folder: Path) -> None:
    said = os.path.abspath(folder)  # noqa: PTH100  # because it costs less than Path's
    try:
        found = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115  # likewise
    except OSError:  # macOS
        found = os.path.realpath(folder)
    if found == said + _DELETED:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(folder))
    if found not in (said, _by_roots_links(said)):
        raise _elsewhere(folder, f"it lies in {found}")


def _elsewhere(path: Path, what: str) -> OSError:
    text = f"is reached by a link ({what}), which is not followed in a campaign's folder"
    return OSError(errno.ELOOP, text, str(path))


@lru_cache(maxsize=1000)
def _by_roots_links(path: str) -> str:
    return _walk(path, lambda owner, _is_last: _is_roots(owner))


def settled(path: Path) -> Path:
    """The path without the links on it, but for root's above the last name.

    Those belong to the machine, and what they lead to may have another name on another node; a link
    of anybody else may lead elsewhere tomorrow.
    """
    plain = os.path.abspath(path)  # noqa: PTH100  # because Path.absolute leaves `..` in it
    return Path(_walk(plain, lambda owner, is_last: is_last or not _is_roots(owner)))


def _is_roots(owner: int) -> bool:
    return owner == 0 and os.geteuid() != 0


def _walk(path: str, follows: Callable[[int, bool], bool]) -> str:
    """The path with those links taken out of it whose owner says so."""
    done, rest = "", path.strip("/").split("/")
    links = 0
    while rest:
        name = rest.pop(0)
        here = f"{done}/{name}"
        try:
            info = os.lstat(here)  # because it costs less
        except OSError:
            return "/".join([here, *rest])
        is_followed = stat.S_ISLNK(info.st_mode) and follows(info.st_uid, not rest)
        if not is_followed or links > _MOST_LINKS:
            done = here
            continue
        links += 1
        target = os.path.join(done or "/", os.readlink(here))  # noqa: PTH115, PTH118
        if ".." in target.split("/"):
            target = os.path.realpath(target)
        done, rest = "", [*target.strip("/").split("/"), *rest]
    return done or "/"


def names_in(folder: Path) -> list[str]:
    """What lies in a folder.

    Raises:
        OSError: missing, reached by a link, or not readable just now.
    """
    with opened(folder, READABLE) as home:
        return os.listdir(home)


def open_existing(path: Path, flags: int = os.O_RDONLY) -> int:
    """The descriptor of a plain file; one that is to be written has no second name.

    Raises:
        OSError: missing, or a link, a pipe, a device: nothing that this program wrote.
    """
    with opened(path.parent) as home:
        return _open_existing(home, path, flags)


def _open_existing(home: int, path: Path, flags: int) -> int:
    descriptor = os.open(path.name, flags | _PLAIN, dir_fd=home)
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "is no plain file", str(path))
        if flags & (os.O_WRONLY | os.O_RDWR) and info.st_nlink > 1:
            text = "has a second name (a hard link), and what is written would be seen there too"
            raise OSError(errno.EMLINK, text, str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_new(path: Path) -> int:
    """The descriptor of a file that was not there, to be written.

    Raises:
        OSError: something of that name lies there, or it cannot be made.
    """
    with opened(path.parent) as home:
        return create_in(home, path.name)


def create_in(home: int, name: str, flags: int = os.O_WRONLY) -> int:
    """The same in a folder that is open."""
    mode = _file_mode(os.fstat(home).st_mode)
    descriptor = os.open(name, flags | os.O_CREAT | os.O_EXCL | _PLAIN, mode, dir_fd=home)
    try:
        set_mode(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def open_to_append(path: Path) -> int:
    """The descriptor of a plain file that grows, also readable; made where it is not there.

    Raises:
        OSError: a link, a pipe, a file with a second name; or it cannot be made.
    """
    flags = os.O_RDWR | os.O_APPEND
    with opened(path.parent) as home:
        try:
            return _open_existing(home, path, flags)
        except FileNotFoundError:
            pass
        try:
            return create_in(home, path.name, flags)
        except FileExistsError:  # somebody was faster
            return _open_existing(home, path, flags)


def touch(path: Path) -> None:
    """Let an empty file lie there, if nothing does.

    Raises:
        OSError: what lies there is no plain file, or it cannot be made.
    """
    os.close(open_to_append(path))


def make_folder(path: Path, *, parents: int = 0) -> None:
    """Let a folder lie there; so many of those above it are made as well.

    Raises:
        OSError: what lies there is no folder, or it cannot be made.
    """
    try:
        with opened(path.parent) as home:
            make_in(home, path.name)
    except FileNotFoundError:
        if not parents:
            raise
        make_folder(path.parent, parents=parents - 1)
        make_folder(path)


def make_in(home: int, name: str, mode: int | None = None) -> None:
    """The same in a folder that is open; with its own mode, which an existing one keeps."""
    if mode is None:
        mode = os.fstat(home).st_mode & 0o775 | 0o700
    try:
        os.mkdir(name, mode, dir_fd=home)
    except FileExistsError:
        kind = os.stat(name, dir_fd=home, follow_symlinks=False).st_mode
        if stat.S_ISLNK(kind):
            raise _elsewhere(Path(name), "it is one itself") from None
        if not stat.S_ISDIR(kind):
            raise
        return
    descriptor = os.open(name, READABLE, dir_fd=home)
    try:
        set_mode(descriptor, mode)
    finally:
        os.close(descriptor)


def rename(source: Path, target: Path) -> None:
    """Move a file within a campaign.

    Raises:
        OSError: it is not there, or a folder on the way is reached by a link.
    """
    with opened(source.parent) as old, opened(target.parent) as new:
        os.rename(source.name, target.name, src_dir_fd=old, dst_dir_fd=new)


def remove(path: Path) -> None:
    """Remove a file, a link as a link; none there is no error.

    Raises:
        OSError: it cannot be removed, or its folder is reached by a link.
    """
    with contextlib.suppress(FileNotFoundError), opened(path.parent) as home:
        os.unlink(path.name, dir_fd=home)


def remove_tree_in(home: int, name: str, keep: list[OSError]) -> int:
    """Remove a file or a folder with what is in it, links as links; the bytes freed.

    What cannot be removed stays, and why is added to `keep`; what is gone already is no error.
    """
    try:
        info = os.stat(name, dir_fd=home, follow_symlinks=False)
        if not stat.S_ISDIR(info.st_mode):
            os.unlink(name, dir_fd=home)
            return info.st_size if info.st_nlink == 1 else 0
        freed = 0
        inner = os.open(name, READABLE, dir_fd=home)
        try:
            for entry in os.listdir(inner):
                freed += remove_tree_in(inner, entry, keep)
        finally:
            os.close(inner)
        with contextlib.suppress(OSError):  # because its content has said why
            os.rmdir(name, dir_fd=home)
    except FileNotFoundError:
        return 0
    except OSError as err:
        keep.append(err)
        return 0
    return freed


def sync(home: int) -> None:
    """Make a rename in an open folder durable, where the filesystem knows how."""
    try:
        descriptor = os.open(".", READABLE, dir_fd=home)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # because some network filesystems refuse fsync on folders
    finally:
        os.close(descriptor)


def _file_mode(folder: int) -> int:
    mode = folder & 0o664 | 0o600
    return mode & ~stat.S_IWGRP if folder & stat.S_ISVTX else mode


def set_mode(descriptor: int, mode: int) -> None:
    """Let an open file or folder have a mode; a folder keeps that it hands down its group.

    Raises:
        OSError: it belongs to somebody else.
    """
    now = stat.S_IMODE(os.fstat(descriptor).st_mode)
    if now & 0o777 != mode & 0o777 or mode & ~now:
        os.fchmod(descriptor, now & ~0o777 | mode)
