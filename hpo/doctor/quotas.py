"""What `quota`, `mmlsquota` and `lfs quota` print, in one form. Pure.

A line of another shape, such as the placeholder rows of mmlsquota, is left out: no news.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

KIB = 1024
_COLUMNS = ("blockUsage", "blockQuota", "blockLimit", "filesUsage", "filesQuota", "filesLimit")


@dataclass(frozen=True, slots=True)
class Quota:
    """What is used and allowed on one filesystem; limits None: there is none.

    Attributes:
        where: the filesystem, as the program names it.
        used: bytes.
        soft: bytes that may be exceeded for a while only.
        hard: bytes that may not be exceeded.
        files: files and folders.
        files_soft: likewise of these.
        files_hard: likewise.
    """

    where: str
    used: int
    soft: int | None
    hard: int | None
    files: int
    files_soft: int | None
    files_hard: int | None


def command(kind: str, device: str, path: str, user: str) -> list[str]:
    """What to ask about a filesystem of `kind`, as the kernel calls it."""
    if kind == "gpfs":
        return ["mmlsquota", "-Y", "-u", user, device.rpartition("/")[2]]
    if kind == "lustre":
        return ["lfs", "quota", "-q", "-u", user, path]
    return ["quota", "-w", "-p", "-u", user]


def read(kind: str, text: str, device: str) -> list[Quota]:
    """The quotas of the filesystem that `command` was about."""
    if kind == "gpfs":
        return list(_gpfs(text))
    rows = list(_rows(text))
    if kind == "lustre":
        return rows
    return [row for row in rows if row.where == device]


def _rows(text: str) -> Iterable[Quota]:
    """Rows of quota(1) with -w -p and of lfs: name, then used, soft, hard, grace of both."""
    for line in text.splitlines():
        words = [word.rstrip("*") for word in line.split()]
        if len(words) != 9:
            continue
        yield from _quota(words[0], [words[i] for i in (1, 2, 3, 5, 6, 7)])


def _gpfs(text: str) -> Iterable[Quota]:
    """Rows of `mmlsquota -Y`: a header names the columns."""
    names: list[str] = []
    for line in text.splitlines():
        words = line.split(":")
        if words[:1] != ["mmlsquota"]:
            continue
        if words[2:3] == ["HEADER"]:
            names = words
            continue
        row = dict(zip(names, words, strict=False))
        yield from _quota(row.get("filesystemName", "?"), [row.get(name, "") for name in _COLUMNS])


def _quota(where: str, words: list[str]) -> Iterable[Quota]:
    """One, of the words used, soft, hard (KiB) and the same of files; none of any other words."""
    if all(word.isdigit() for word in words):
        used, soft, hard, files, files_soft, files_hard = map(int, words)
        yield Quota(
            where,
            used * KIB,
            soft * KIB or None,
            hard * KIB or None,
            files,
            files_soft or None,
            files_hard or None,
        )
