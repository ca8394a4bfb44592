"""How many seats are needed, and of which kinds.

Pure: from the seats that there are and the offers that wait to what is asked of the cluster. A seat
with more memory and time than an offer needs may take it; one with less never does. Memory is in
MB, time in minutes; 0 is the campaign's default.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from hpo.seat_kinds import SeatKind, missing
from hpo.seats import Seat, SeatBook


@dataclass(frozen=True, slots=True)
class SeatPlan:
    """What to ask of the cluster for one kind of seat.

    `raised` are waiting seats that get `mem_mb`; `count` new ones are asked for, at most `at_once`
    of which may run.
    """

    count: int
    at_once: int
    mem_mb: int = 0
    raised: tuple[str, ...] = ()
    time_min: int = 0


def plan_seats(
    book: SeatBook,
    needs: Mapping[SeatKind, int],
    *,
    at_once: int,
    max_queued: int,
    has_queue: bool,
    usual_mb: int = 0,
) -> list[SeatPlan]:
    """The seats to ask for, so that each offer finds one and `at_once` is never exceeded.

    `needs` counts the offers by what they need. With a queue of the cluster's own, a whole campaign
    is asked for at once and the cluster itself keeps to `at_once`: a freed GPU is filled again
    without the manager. While such seats still wait, nothing is added to them; behind them, seats
    are asked for as others end. For an offer that needs more memory than `usual_mb`, what new seats
    have now, a seat that waits already is raised, which keeps its place; a new one is asked for
    where none waits. Time is never raised: no user may.
    """
    if not book.polled:
        return []
    live = len(book.running()) + len(book.queued())
    free = Counter(_kind(s) for s in (*book.queued(), *book.running()) if s.trial_id is None)
    raised = _raised(book, missing(needs, free), usual_mb)
    for kind, seats in raised.items():
        for seat in seats:
            free[_kind(seat)] -= 1
            free[SeatKind(kind.mem_mb, seat.time_min)] += 1
    lacking = missing(needs, free)
    whole = has_queue and live == 0
    room = min(at_once, max_queued) - live
    plans: list[SeatPlan] = []
    for kind in _in_order({*lacking, *raised}, lacking, whole=whole):
        count = max(0, min(lacking.get(kind, 0), max_queued if whole and not plans else room))
        if count or kind in raised:
            job_ids = tuple(seat.job_id for seat in raised.get(kind, ()))
            plans.append(SeatPlan(count, min(at_once, count), kind.mem_mb, job_ids, kind.time_min))
            room -= count
    return plans


def useless_seats(book: SeatBook, needs: Mapping[SeatKind, int]) -> list[str]:
    """Waiting seats that can take none of the offers: there are none, or all need more."""
    waiting = [seat for seat in book.queued() if seat.trial_id is None]
    return [s.job_id for s in waiting if not any(_kind(s).covers(need) for need in needs)]


def _kind(seat: Seat) -> SeatKind:
    return SeatKind(seat.mem_mb, seat.time_min)


def _in_order(
    kinds: Collection[SeatKind], lacking: Mapping[SeatKind, int], *, whole: bool
) -> list[SeatKind]:
    """The largest first, because they serve any offer.

    Where the whole campaign is asked for, the kind that most of it needs comes before: there is no
    limit to its array but the queue's.
    """
    order = sorted(kinds, reverse=True)
    if whole:
        usual = min((kind.mem_mb for kind in order), default=0)
        # No new class of memory while others wait: the first array is of the usual seats.
        most = max(order, key=lambda k: (k.mem_mb == usual, lacking.get(k, 0)), default=None)
        order.sort(key=lambda kind: kind != most)
    return order


def _raised(
    book: SeatBook, lacking: Mapping[SeatKind, int], usual_mb: int
) -> dict[SeatKind, list[Seat]]:
    """Which waiting seats of the usual size or less are to be raised, by what they are for."""
    seats = [s for s in book.queued() if s.trial_id is None and s.absent_since is None]
    waiting = [s for s in seats if s.mem_mb <= usual_mb]
    # In an order that does not depend on who asks: a new manager knows them from the queue.
    waiting.sort(key=lambda seat: (len(seat.job_id), seat.job_id))
    raised: dict[SeatKind, list[Seat]] = {}
    for kind in sorted(lacking, reverse=True):
        fit = [s for s in waiting if s.mem_mb < kind.mem_mb and s.time_min >= kind.time_min]
        if chosen := fit[: lacking[kind]]:
            raised[kind] = chosen
            waiting = [seat for seat in waiting if seat not in chosen]
    return raised
