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

    `raised` are waiting seats that get `mem_mb`; `count` new ones are asked for.
    """

    count: int
    mem_mb: int = 0
    raised: tuple[str, ...] = ()


def plan_seats(
    book: SeatBook,
    needs: Mapping[int, int],
    *,
    to_come: int = 0,
    at_once: int,
    max_queued: int,
    queue_ahead: int,
    legs_per_seat: int | None = 1,
) -> list[SeatPlan]:
    """The seats to ask for, so that each offer finds one, now and while the manager is away.

    `needs` counts the offers by the memory that they need; `to_come` are further legs, which are
    expected and not offered yet. `at_once` seats are to run and `queue_ahead` to wait behind them,
    so that a freed GPU is filled again by the cluster alone. Seats that wait gain age in the queue,
    so they are asked for many at a time, and again only when half of them are used up. For an offer
    that needs more memory than the default, a seat that waits already is raised, which keeps its
    place; a new one is asked for where none waits.

    A seat takes `legs_per_seat` legs: no more wait than the legs need. With None, which is as many
    legs as its time allows, at most one waits behind each that runs.
    """
    if not book.polled:
        return []
    free = Counter(s.mem_mb for s in (*book.queued(), *book.running()) if s.trial_id is None)
    live = len(book.running()) + len(book.queued())
    busy = live - free.total()
    raised = _raised(book, _missing(needs, free))
    for mem_mb, job_ids in raised.items():
        free[mem_mb] += len(job_ids)
        free[0] -= len(job_ids)
    legs = sum(needs.values()) + to_come
    if legs_per_seat is None:
        queue_ahead = min(queue_ahead, at_once)
    elif legs_per_seat > 1:
        queue_ahead = min(queue_ahead, max(0, busy + -(-legs // legs_per_seat) - at_once))
    most = min(max_queued, at_once + queue_ahead)
    wanted = min(legs, most - busy)
    enough = free.total() >= at_once and 2 * free.total() > wanted
    missing = _missing({**needs, 0: needs.get(0, 0) + to_come}, free)
    room = most - live
    plans: list[SeatPlan] = []
    for mem_mb in sorted({*missing, *raised}, reverse=True):
        asked = 0 if enough and mem_mb == 0 else missing.get(mem_mb, 0)
        count = max(0, min(asked, room))
        if count or mem_mb in raised:
            plans.append(SeatPlan(count, mem_mb, raised.get(mem_mb, ())))
            room -= count
    return plans


def useless_seats(
    book: SeatBook, needs: Mapping[int, int], *, to_come: int = 0, spared: int = 0
) -> list[str]:
    """Waiting seats that nothing is left for, the youngest first.

    Those are what can take none of the offers, because all need more memory, and what is beyond
    the offers and the legs `to_come`. Up to `spared` of the latter are left where they are, as long
    as there is anything to come: it is only expected.
    """
    waiting = [seat for seat in book.queued() if seat.trial_id is None]
    waiting.sort(key=lambda seat: (len(seat.job_id), seat.job_id), reverse=True)
    if not to_come and (not needs or min(needs) > 0):
        return [s.job_id for s in waiting if not needs or s.mem_mb < min(needs)]
    looking = sum(1 for seat in book.running() if seat.trial_id is None)
    beyond = len(waiting) + looking - sum(needs.values()) - to_come
    usual = [s.job_id for s in waiting if s.mem_mb == 0]  # of the others there are few
    return usual[: max(0, beyond)] if beyond > spared else []


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
