"""How many seats are needed, and with how much memory.

Pure: from the seats that there are and the offers that wait to what is asked of the cluster. A seat
with more memory than an offer needs may take it; one with less never does. Memory is in MB; 0 is
the campaign's default.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hpo.seats import SeatBook


@dataclass(frozen=True, slots=True)
class SeatPlan:
    """What to ask of the cluster for one size of memory.

    `raised` are waiting seats that get `mem_mb`; `count` new ones are asked for, at most `at_once`
    of which may run.
    """

    count: int
    at_once: int
    mem_mb: int = 0
    raised: tuple[str, ...] = ()


def plan_seats(
    book: SeatBook,
    needs: Mapping[int, int],
    *,
    at_once: int,
    max_queued: int,
    has_queue: bool,
    legs_per_seat: int | None = 1,
) -> list[SeatPlan]:
    """The seats to ask for, so that each offer finds one and `at_once` is never exceeded.

    `needs` counts the offers by the memory that they need. With a queue of the cluster's own, a
    whole campaign is asked for at once and the cluster itself keeps to `at_once`: a freed GPU is
    filled again without the manager. While such seats still wait, nothing is added to them; behind
    them, seats are asked for as others end. For an offer that needs more than the default, a seat
    that waits already is raised, which keeps its place; a new one is asked for where none waits.

    A seat that takes `legs_per_seat` (None: any number) stands for as many offers; but all that may
    run at once are asked for, where there are offers for them.
    """
    if not book.polled:
        return []
    live = len(book.running()) + len(book.queued())
    free = Counter(s.mem_mb for s in (*book.queued(), *book.running()) if s.trial_id is None)
    raised = _raised(book, _missing(needs, free))
    for mem_mb, job_ids in raised.items():
        free[mem_mb] += len(job_ids)
        free[0] -= len(job_ids)
    missing = _missing(needs, free)
    whole = has_queue and live == 0
    room = min(at_once, max_queued) - live
    most = max_queued if legs_per_seat is not None else min(at_once, max_queued)
    plans: list[SeatPlan] = []
    # The default first where the whole campaign is asked for: that array holds most of it.
    for mem_mb in sorted({*missing, *raised}, key=lambda size: (whole and size > 0, -size)):
        wanted = missing.get(mem_mb, 0)
        if whole and not plans and legs_per_seat is not None:
            wanted = max(min(wanted, at_once), -(-wanted // legs_per_seat))
        count = max(0, min(wanted, most if whole and not plans else room))
        if count or mem_mb in raised:
            plans.append(SeatPlan(count, min(at_once, count), mem_mb, raised.get(mem_mb, ())))
            room -= count
    return plans


def useless_seats(book: SeatBook, needs: Mapping[int, int]) -> list[str]:
    """Waiting seats that can take none of the offers: there are none, or all need more memory."""
    waiting = [seat for seat in book.queued() if seat.trial_id is None]
    return [s.job_id for s in waiting if not needs or s.mem_mb < min(needs)]


def _missing(needs: Mapping[int, int], free: Mapping[int, int]) -> dict[int, int]:
    """How many offers find no seat among the free ones, by the memory that they need."""
    missing: dict[int, int] = {}
    able = 0  # free seats that are large enough, and that no larger need takes
    for mem_mb in sorted({*needs, *free}, reverse=True):
        able += free.get(mem_mb, 0)
        wanted = needs.get(mem_mb, 0)
        missing[mem_mb] = max(0, wanted - able)
        able = max(0, able - wanted)
    return {mem_mb: count for mem_mb, count in missing.items() if count}


def _raised(book: SeatBook, missing: Mapping[int, int]) -> dict[int, tuple[str, ...]]:
    """Which waiting seats of the default size are to be raised, by the memory that they get."""
    seats = [s for s in book.queued() if s.trial_id is None and s.absent_since is None]
    waiting = [s.job_id for s in seats if s.mem_mb == 0]
    # In an order that does not depend on who asks: a new manager knows them from the queue.
    waiting.sort(key=lambda job_id: (len(job_id), job_id))
    raised: dict[int, tuple[str, ...]] = {}
    for mem_mb in sorted((size for size in missing if size), reverse=True):
        chosen, waiting = waiting[: missing[mem_mb]], waiting[missing[mem_mb] :]
        if chosen:
            raised[mem_mb] = tuple(chosen)
    return raised
