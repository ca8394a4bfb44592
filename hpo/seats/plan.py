"""How many seats are needed, and of which kinds.

Pure: from the seats that there are and the legs that they are for to what is asked of the cluster.
A seat with more memory and time than a leg needs may take it; one with less never does. Memory is
in MB, time in minutes; 0 is the campaign's default.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hpo.seats.book import Seat, SeatBook
from hpo.units.sizes import SeatKind, missing, most_common

NOTHING: Mapping[SeatKind, int] = {}


@dataclass(frozen=True, slots=True)
class SeatPlan:
    """What to ask of the cluster for one kind of seat.

    `raised` are waiting seats that get `mem_mb`; `count` new ones are asked for.
    """

    count: int
    mem_mb: int = 0
    raised: tuple[str, ...] = ()
    time_min: int = 0


def plan_seats(
    book: SeatBook,
    needs: Mapping[SeatKind, int],
    *,
    coming: Mapping[SeatKind, int] = NOTHING,
    usual_mb: int = 0,
    at_once: int,
    max_queued: int,
    queue_ahead: int,
    legs_per_seat: int | None = 1,
) -> list[SeatPlan]:
    """The seats to ask for, so that each leg finds one, now and while the manager is away.

    `needs` counts the offers by what they need; `coming` further legs, which are expected and not
    offered yet. `at_once` seats are to run and `queue_ahead` to wait behind them, so that a freed
    GPU is filled again by the cluster alone. Seats that wait gain age in the queue, so they are
    asked for many at a time, and again only when half of them are used up. For an offer that needs
    more memory than `usual_mb`, a seat that waits already is raised, which keeps its place; a new
    one is asked for where none waits. Time is never raised: by its manual SLURM lets no user do it.

    A seat takes `legs_per_seat` legs: no more wait than the legs need. With None, which is as many
    legs as its time allows, nobody knows how soon the next seat is needed; one that waits in vain
    costs nothing.
    """
    if not book.polled:
        return []
    free = Counter(kind_of(s) for s in (*book.queued(), *book.running()) if s.trial_id is None)
    live = len(book.running()) + len(book.queued())
    busy = live - free.total()
    # Of memory that was learned, what waits has less than is usual now.
    lacking_memory = missing(Counter(needs) + Counter(coming) if usual_mb else needs, free)
    raised = _raised(book, lacking_memory, usual_mb)
    for kind, seats in raised.items():
        for seat in seats:
            free[kind_of(seat)] -= 1
            free[SeatKind(kind.mem_mb, seat.time_min)] += 1
    legs = sum(needs.values()) + sum(coming.values())
    if legs_per_seat is not None and legs_per_seat > 1:
        queue_ahead = min(queue_ahead, max(0, busy + -(-legs // legs_per_seat) - at_once))
    most = min(max_queued, at_once + queue_ahead)
    wanted = min(legs, most - busy)
    # Near the end each leg gets its seat at once; before, as long as all that may run are there,
    # some more or less of those that wait make no difference.
    full = legs > wanted and live >= at_once
    enough = 2 * free.total() > wanted and (full or free.total() >= at_once)
    asked = _asked(next_legs(needs, coming, wanted), needs, free, at_once, enough=enough)
    room = most - live
    plans: list[SeatPlan] = []
    for kind in sorted({*asked, *raised}, reverse=True):
        count = max(0, min(asked.get(kind, 0), room))
        if count or kind in raised:
            job_ids = tuple(seat.job_id for seat in raised.get(kind, ()))
            plans.append(SeatPlan(count, kind.mem_mb, job_ids, kind.time_min))
            room -= count
    return plans


def _asked(
    expected: Mapping[SeatKind, int],
    needs: Mapping[SeatKind, int],
    free: Mapping[SeatKind, int],
    at_once: int,
    *,
    enough: bool,
) -> Mapping[SeatKind, int]:
    """What to ask for of that which the free seats lack; `enough`: of the usual kind nothing.

    Longer kinds than the usual one of which only a few are lacking are asked for together, as the
    longest of them: each array that waits keeps one of the `at_once` places.
    """
    lacking, lacking_now = missing(expected, free), missing(needs, free)
    usual = most_common(expected)
    asked = Counter({k: n for k, n in lacking.items() if usual.covers(k) and not enough})
    rare = [kind for kind in lacking if not usual.covers(kind)]
    # There are few of them, so that half of all that wait tells nothing about these.
    due = any(kind in lacking_now or 2 * lacking[kind] > expected[kind] for kind in rare)
    for kind in rare if due or not enough else ():
        longest = max(other for other in rare if other.mem_mb == kind.mem_mb)
        asked[longest if lacking[kind] < at_once else kind] += lacking[kind]
    return asked


def next_legs(
    needs: Mapping[SeatKind, int], coming: Mapping[SeatKind, int], most: int
) -> Mapping[SeatKind, int]:
    """The legs that about `most` seats are for next, by what they need.

    All kinds in proportion, because that is how they come; of kinds that the most common one does
    not cover, at least what is offered.
    """
    expected = Counter(needs) + Counter(coming)
    total = expected.total()
    if total <= most:
        return expected
    usual = most_common(expected)
    return {
        kind: max(
            -(-count * max(0, most) // total), 0 if usual.covers(kind) else needs.get(kind, 0)
        )
        for kind, count in expected.items()
    }


def useless_seats(
    book: SeatBook,
    needs: Mapping[SeatKind, int],
    *,
    coming: Mapping[SeatKind, int] = NOTHING,
    spared: int = 0,
) -> list[str]:
    """Waiting seats that nothing is left for, the youngest first.

    Those are what can take none of the offers, nor of the legs that are `coming`, because all need
    more; and what is beyond them all. Up to `spared` of the latter are left where they are, as long
    as there is anything to come: it is only expected.
    """
    waiting = [seat for seat in book.queued() if seat.trial_id is None]
    waiting.sort(key=lambda seat: (len(seat.job_id), seat.job_id), reverse=True)
    expected = Counter(needs) + Counter(coming)
    # With nothing but legs to come, nobody can tell yet what the next offers will need.
    wait_and_see = bool(coming) and not needs
    hopeless: list[Seat] = []
    useful: list[Seat] = []
    for seat in waiting:
        can = wait_and_see or any(kind_of(seat).covers(need) for need in expected)
        (useful if can else hopeless).append(seat)
    # What runs and looks for a leg does not count: its time may be too short for the last one.
    beyond = len(useful) - expected.total()
    # Of those that have more memory there are few.
    of_usual = [seat for seat in useful if seat.mem_mb <= most_common(expected).mem_mb]
    # Not one by one, because each time is a call to the cluster.
    left_over = of_usual[:beyond] if beyond > max(spared, len(of_usual) // 2) else []
    return [seat.job_id for seat in (*hopeless, *left_over)]


def kind_of(seat: Seat) -> SeatKind:
    """What the seat has."""
    return SeatKind(seat.mem_mb, seat.time_min)


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
