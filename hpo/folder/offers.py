"""Legs as files: offered, claimed, given back, fenced off; moved only by rename.

Owns the names below offers/, claims/ and revoked/ and the one rule that makes seats
interchangeable: a leg belongs to whoever's rename succeeded. Holds no policy, except which offer is
best: one that needs more memory first (only few seats have it), then the highest rung, then the
oldest trial. Used by jobs and by the manager alike.

    offers/trial_17.rung_0.a2.json                  anybody's
    offers/trial_18.rung_0.a1.mem_6144.json         for a seat that has 6144 MB
    offers/trial_19.rung_1.a1.time_600.json         for a seat that has 600 s left
    offers/trial_20.rung_0.a1.off_gpu3.json         for another node than gpu3, while there is one
    claims/trial_17.rung_0.a2.job_123_4.json        held by job 123_4
    claims/trial_17.rung_0.a2.job_123_4.done.json   its result is written
    revoked/…                                       taken back by the manager, offer or claim
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from hpo.folder.files import Layout, publish, read_json, to_json

_NAME = re.compile(
    r"trial_(?P<trial>\d{1,15})\.rung_(?P<rung>\d{1,15})\.a(?P<attempt>\d{1,15})"
    r"(?:\.mem_(?P<mem>[1-9]\d{0,14}))?(?:\.time_(?P<time>[1-9]\d{0,14}))?"
    r"(?:\.off_(?P<off>[A-Za-z0-9][A-Za-z0-9_-]*))?"
    r"(?:\.job_(?P<job>[A-Za-z0-9_-]+)(?P<done>\.done)?)?\.json"
)


class Leg(NamedTuple):
    """One file of a leg, as its name tells: which attempt of which leg, and whose.

    `mem_mb` is the memory that the leg needs (MB), `time_s` the time (s); 0: what every seat has.
    `off` is the node that it is to be kept off, without its domain; empty: none.
    """

    trial_id: int
    rung: int
    attempt: int
    job_id: str | None = None
    done: bool = False
    mem_mb: int = 0
    time_s: int = 0
    off: str = ""

    @property
    def name(self) -> str:
        """The file's name; the folder says whether the leg is offered, claimed or revoked."""
        claim = f".job_{self.job_id}" + (".done" if self.done else "") if self.job_id else ""
        need = f".mem_{self.mem_mb}" if self.mem_mb else ""
        need += f".time_{self.time_s}" if self.time_s else ""
        need += f".off_{self.off}" if self.off else ""
        return f"trial_{self.trial_id}.rung_{self.rung}.a{self.attempt}{need}{claim}.json"

    def claimed_by(self, job_id: str) -> Leg:
        """The same attempt, held by `job_id`."""
        return self._replace(job_id=job_id, done=False)


@lru_cache(maxsize=20_000)  # because the same names are listed in every tick
def parse(name: str) -> Leg | None:
    """The leg that a file name stands for; None for any other file."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    return Leg(
        int(match["trial"]),
        int(match["rung"]),
        int(match["attempt"]),
        match["job"],
        match["done"] is not None,
        int(match["mem"] or 0),
        int(match["time"] or 0),
        match["off"] or "",
    )


def list_legs(folder: Path) -> list[Leg]:
    """All legs in a folder, best first.

    Raises:
        OSError: the folder cannot be read now; that is no news, not an empty folder.
    """
    legs = (parse(name) for name in os.listdir(folder))
    return sorted(
        (leg for leg in legs if leg), key=lambda leg: (-leg.mem_mb, -leg.rung, leg.trial_id)
    )


def publish_offers(layout: Layout, offers: Iterable[tuple[Leg, dict[str, Any]]]) -> None:
    """Write offers so that no seat sees half of one.

    Not synced to disk: whatever a crash of the file server takes is written again from the journal.
    """
    for leg, content in offers:
        publish(layout.offers / leg.name, to_json(content) + "\n", durable=False)


def claim_best(
    layout: Layout,
    job_id: str,
    *,
    mem_mb: int | None = None,
    time_s: int | None = None,
    node: str = "",
    again: bool = False,
) -> tuple[Leg, dict[str, Any]] | None:
    """Take the best offer for `job_id`; None: there is none.

    One that needs more than `mem_mb` or `time_s` (None: no limit) is left to others, and so is one
    that is to be kept off `node`.

    Raises:
        OSError: nobody can tell whether one was taken, or what it says. Call it `again` then,
            which looks first whether this job holds one already.
    """
    for claim in held_by(layout, job_id) if again else ():
        return claim, read_claim(layout, claim)
    try:
        offers = list_legs(layout.offers)
    except OSError:
        return None
    for leg in offers:
        if not _fits(leg, mem_mb, time_s) or (leg.off and leg.off == short_name(node)):
            continue
        claim = leg.claimed_by(job_id)
        if _move(layout.offers / leg.name, layout.claims / claim.name):
            return claim, read_claim(layout, claim)
    return None


def _fits(leg: Leg, mem_mb: int | None, time_s: int | None) -> bool:
    has_memory = mem_mb is None or leg.mem_mb <= mem_mb
    return has_memory and (time_s is None or leg.time_s <= time_s)


def short_name(node: str) -> str:
    """The node without its domain: what the name of a leg can hold."""
    return node.partition(".")[0]


def read_claim(layout: Layout, claim: Leg) -> dict[str, Any]:
    """What a claimed offer says.

    Raises:
        OSError: it cannot be read now.
    """
    path = layout.claims / claim.name
    content = read_json(path)
    if isinstance(content, dict) and isinstance(content.get("config"), dict):
        return content
    # Torn by a crash of the file server, say; the manager writes it anew once this job has ended.
    raise OSError(errno.ESTALE, "the offer cannot be read", str(path))


def give_back(layout: Layout, job_id: str) -> list[Leg]:
    """Offer again, as their next attempt, the legs that a former life of this job held."""
    returned = []
    for claim in held_by(layout, job_id):
        offer = claim._replace(attempt=claim.attempt + 1, job_id=None)
        if _move(layout.claims / claim.name, layout.offers / offer.name):
            returned.append(offer)
    return returned


def finish(layout: Layout, claim: Leg) -> bool:
    """Mark the claim's result as written; False: the claim was fenced off, the result is void.

    Raises:
        OSError: it cannot be done now.
    """
    return _move(layout.claims / claim.name, layout.claims / claim._replace(done=True).name)


def is_held(layout: Layout, claim: Leg) -> bool:
    """Whether the claim still stands; unreadable folders count as held."""
    try:
        (layout.claims / claim.name).stat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return True


def revoke_offer(layout: Layout, leg: Leg) -> bool:
    """Take an offer back; False: a job was faster."""
    return _move(layout.offers / leg.name, layout.revoked / leg.name)


def fence(layout: Layout, claim: Leg) -> bool:
    """Void a claim whose job is gone; False: the job gave it back or finished after all."""
    return _move(layout.claims / claim.name, layout.revoked / claim.name)


def discard(folder: Path, leg: Leg) -> None:
    """Remove the file of a leg whose story is in the journal."""
    (folder / leg.name).unlink(missing_ok=True)


def held_by(layout: Layout, job_id: str) -> Iterator[Leg]:
    """The legs that a job holds and has not finished: at most one.

    Raises:
        OSError: no news.
    """
    for claim in list_legs(layout.claims):
        if claim.job_id == job_id and not claim.done:
            yield claim


def _move(source: Path, target: Path) -> bool:
    """Rename; False where somebody else was faster. After an error, see whether it happened.

    A retried NFS request reports ENOENT for a rename that its first try carried out. The target's
    name is this caller's alone, so that its existence proves who moved it.

    Raises:
        OSError: it did not happen for another reason, or nobody can tell now; it may be repeated.
    """
    try:
        os.rename(source, target)  # noqa: PTH104  # because Path.rename hides which call failed
    except FileNotFoundError:
        return _lies_there(target)
    except OSError:
        if not _lies_there(target):
            raise
    return True


def _lies_there(path: Path) -> bool:
    try:
        path.lstat()  # not exists(), which may take an error for an answer
    except FileNotFoundError:
        return False
    return True
