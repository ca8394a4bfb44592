"""Whether there is room for what a campaign will write, and whether its files will behave.

Pure: it judges what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hpo.doctor.finding import VERDICTS, Finding
from hpo.doctor.quotas import Quota

SPARE = 2.0  # times what is expected, below which it is told
SKEW_S = 5.0  # of a file server's clock, beyond which people wonder about times of files


@dataclass(frozen=True, slots=True)
class Need:
    """What a campaign will write, about: files, and bytes with or without checkpoints.

    `checkpoint` is the size of one, in bytes, None: not known.
    """

    files: int
    bytes: int
    checkpoint: int | None

    def __str__(self) -> str:
        """For people."""
        of = (
            "checkpoints not counted: their size is not known yet"
            if self.checkpoint is None
            else f"with checkpoints of {in_bytes(self.checkpoint)}"
        )
        return f"about {in_bytes(self.bytes)} in {self.files} files, {of}"


@dataclass(frozen=True, slots=True)
class Probed:
    """What was tried in the folder: names of what went wrong, with why, and the clock.

    `skew_s` is how far the file server's clock is ahead of this machine's (s), None: not seen.
    """

    kind: str
    refused: tuple[tuple[str, str], ...]
    skew_s: float | None


def space(free_bytes: int, free_files: int | None, need: Need, where: str) -> Finding:
    """Free space and inodes; a filesystem that counts no inodes says None."""
    name = "space"
    inodes = "" if free_files is None else f" and {free_files} inodes"
    found = f"{in_bytes(free_bytes)}{inodes} free in {where}; the campaign will write {need}"
    times = min(
        free_bytes / need.bytes, float("inf") if free_files is None else free_files / need.files
    )
    if times < 1.0:
        return Finding(name, "fail", found, _ROOM)
    if times < SPARE:
        return Finding(name, "warn", found, _ROOM)
    return Finding(name, "ok", found)


_ROOM = (
    "make room, choose another --output-dir, or keep less: hpo.keep_checkpoints: best, "
    "a larger hpo.checkpoint_interval"
)


def quotas(found: Sequence[Quota], need: Need, program: str) -> Finding:
    """What the user may still write, by the quotas of the filesystem."""
    name = "quota"
    if not found:
        return Finding(name, "ok", f"{program} tells of none here")
    complaints = [
        complaint
        for quota in found
        for used, soft, hard, needed, show in (
            (quota.used, quota.soft, quota.hard, need.bytes, in_bytes),
            (quota.files, quota.files_soft, quota.files_hard, need.files, _files),
        )
        if (complaint := _quota(quota.where, used, soft, hard, needed, show)) is not None
    ]
    if complaints:
        return max(complaints, key=lambda one: VERDICTS.index(one.verdict))
    told = "; ".join(f"{in_bytes(q.used)} and {q.files} files used on {q.where}" for q in found)
    return Finding(name, "ok", f"{told}; there is room for {need}")


def _quota(
    where: str,
    used: int,
    soft: int | None,
    hard: int | None,
    needed: int,
    show: Callable[[float], str],
) -> Finding | None:
    """What speaks against writing `needed` more; None: nothing."""
    limits = [limit for limit in (soft, hard) if limit is not None]
    if not limits:
        return None
    told = f"{show(used)} of {show(min(limits))} used on {where}"
    wanted = f"the campaign will write about {show(needed)}"
    if hard is not None and used + needed > hard:
        return Finding("quota", "fail", f"{told}, {show(hard)} at most; {wanted}", _ROOM)
    if soft is not None and used > soft:
        found = f"{told}: over the soft limit, which turns hard after some days; {wanted}"
        return Finding("quota", "warn", found, _ROOM)
    if used + SPARE * needed > min(limits):
        return Finding("quota", "warn", f"{told}; {wanted}", _ROOM)
    return None


def files(probed: Probed) -> list[Finding]:
    """Whether the filesystem does what the campaign's files rely on."""
    findings = [
        Finding(
            "files",
            "fail",
            f"on this filesystem ({probed.kind}) {what} does not work: {why}",
            "choose another --output-dir, on the cluster's shared filesystem",
        )
        for what, why in probed.refused
    ]
    if not findings:
        found = f"rename, append, hard link and exclusive creation work ({probed.kind})"
        findings.append(Finding("files", "ok", found))
    return [*findings, _clock(probed.skew_s)]


def _clock(skew_s: float | None) -> Finding:
    name = "clock"
    if skew_s is None:
        return Finding(name, "unknown", "the time of a new file was not seen")
    if abs(skew_s) > SKEW_S:
        way = "ahead of" if skew_s > 0 else "behind"
        return Finding(
            name,
            "warn",
            f"the file server's clock is {abs(skew_s):.0f} s {way} this machine's",
            "nothing needs to be done, as nothing is decided by it: but times of files mislead "
            "people, so tell the administrators",
        )
    return Finding(name, "ok", f"the file server's is {abs(skew_s):.1f} s off")


def unwritable(where: str, why: str) -> Finding:
    """No file can be made where the campaign is to be."""
    return Finding(
        "files", "fail", f"{where} cannot be written: {why}", "choose another --output-dir"
    )


def umask(mask: int) -> Finding:
    """Whether the user can read what they write themselves."""
    if mask & 0o700:
        return Finding(
            "umask",
            "fail",
            f"umask {mask:03o} keeps you from your own new files",
            "type `umask 022` (or 077) before starting, and look into your shell's profile",
        )
    return Finding("umask", "ok", f"{mask:03o}; the campaign's folders are made for you alone")


def in_bytes(size: float) -> str:
    """A size for people: 340 MB, 1.2 GB."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            shown = size / factor
            return f"{shown:.1f} {unit}" if shown < 10 else f"{shown:.0f} {unit}"
    return f"{size:.0f} bytes"


def _files(count: float) -> str:
    return f"{count:.0f} files"
