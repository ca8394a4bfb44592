"""How many seats are needed, and of which kinds.

Pure: from the seats that there are and the legs that they are for to what is asked of the cluster.
A seat with more memory and time than a leg needs may take it; one with less never does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from hpo.decisions.limits import SeatLimits
from hpo.seats.book import Seat, SeatBook
from hpo.seats.orders import Raise, Submit
from hpo.units.sizes import Size, missing, most_common

NOTHING: Mapping[Size, int] = {}


def plan_seats(
    book: SeatBook,
    needs: Mapping[Size, int],
    limits: SeatLimits,
    *,
    coming: Mapping[Size, int] = NOTHING,
    usual_mb: int | None = None,
) -> list[Raise | Submit]:
    """The seats to ask for, so that each leg finds one, now and while the manager is away.

    `needs` counts the offers by what they need; `coming` further legs, which are expected and not
    offered yet. As many seats as the limits allow are to run, and others to wait behind them, so
    that a freed GPU is filled again by the cluster alone. Seats that wait gain age in the queue, so
    they are asked for many at a time, and again only when half of them are used up. For an offer
    that needs more memory than `usual_mb` (None: what the settings say), a seat that waits already
    is raised, which keeps its place; a new one is asked for where none waits. Time is never raised:
    by its manual SLURM lets no user do it.

    A seat that was requeued and may not start yet counts for nothing: a GPU may be idle meanwhile.

    Where a seat takes several legs, no more wait than the legs need. Where it takes as many as its
    time allows, nobody knows how soon the next one is needed; one that waits in vain costs nothing.
    """
    if not book.counted:
        return []
    waiting = [seat for seat in book.queued() if not seat.is_back_late]
    at_once, max_queued = limits.max_concurrent_jobs, limits.max_queued_jobs
    queue_ahead = max_queued if limits.queue_ahead is None else limits.queue_ahead
    legs_per_seat = limits.legs_per_seat
    seats = [*waiting, *book.running()]
    free = Counter(seat.size for seat in seats if seat.trial_id is None)
    live = len(seats)
    busy = live - free.total()
    # Of memory that was learned, what waits has less than is usual now.
    lacking_memory = missing(needs if usual_mb is None else Counter(needs) + Counter(coming), free)
    raised = _raised(waiting, lacking_memory, usual_mb)
    for kind, chosen in raised.items():
        for seat in chosen:
            free[seat.size] -= 1
            free[Size(kind.mem_mb, seat.size.time_min)] += 1
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
    orders: list[Raise | Submit] = []
    for kind in sorted({*asked, *raised}, reverse=True):
        if kind in raised and kind.mem_mb is not None:
            orders.append(Raise(tuple(seat.job_id for seat in raised[kind]), kind.mem_mb))
        if (count := max(0, min(asked.get(kind, 0), room))) > 0:
            orders.append(Submit(count, min(count, at_once), kind))
            room -= count
    return orders


def _asked(
    expected: Mapping[Size, int],
    needs: Mapping[Size, int],
    free: Mapping[Size, int],
    at_once: int,
    *,
    enough: bool,
) -> Mapping[Size, int]:
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
    needs: Mapping[Size, int], coming: Mapping[Size, int], most: int
) -> Mapping[Size, int]:
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
    needs: Mapping[Size, int],
    *,
    coming: Mapping[Size, int] = NOTHING,
    spared: int = 0,
) -> list[str]:
    """Waiting seats that nothing is left for, the youngest first.

    Those are what can take none of the offers, nor of the legs that are `coming`, because all need
    more; and what is beyond them all. Up to `spared` of the latter are left where they are, as long
    as there is anything to come: it is only expected.
    """
    waiting = [seat for seat in book.queued() if seat.trial_id is None]
    expected = Counter(needs) + Counter(coming)
    # With nothing but legs to come, nobody can tell yet what the next offers will need.
    wait_and_see = bool(coming) and not needs
    sizes = {seat.size for seat in waiting}
    able = {size for size in sizes if wait_and_see or any(map(size.covers, expected))}
    useful = [seat for seat in waiting if seat.size in able]
    useless = [seat for seat in waiting if seat.size not in able]
    # What runs and looks for a leg does not count: its time may be too short for the last one.
    beyond = len(useful) - expected.total()
    if beyond > spared:
        # Of those that have more memory there are few.
        usual = most_common(expected)
        of_usual = [seat for seat in useful if Size(usual.mem_mb).covers(Size(seat.size.mem_mb))]
        # Not one by one, because each time is a call to the cluster.
        if beyond > len(of_usual) // 2:
            useless += sorted(of_usual, key=_age, reverse=True)[:beyond]
    return [seat.job_id for seat in sorted(useless, key=_age, reverse=True)]


def _age(seat: Seat) -> tuple[int, str]:
    """To sort by: the oldest first, and the same whoever asks, as a new manager knows no order."""
    return len(seat.job_id), seat.job_id


def _raised(
    queued: list[Seat], lacking: Mapping[Size, int], usual_mb: int | None
) -> dict[Size, list[Seat]]:
    """Which waiting seats of the usual size or less are to be raised, by what they are for."""
    raised: dict[Size, list[Seat]] = {}
    kinds = sorted((kind for kind in lacking if kind.mem_mb is not None), reverse=True)
    if not kinds:
        return raised
    seats = [s for s in queued if s.trial_id is None and s.absent_since is None]
    waiting = [s for s in seats if Size(usual_mb).covers(Size(s.size.mem_mb))]
    waiting.sort(key=_age)
    for kind in kinds:
        fit = [s for s in waiting if _can_be_raised(s.size, kind)]
        if chosen := fit[: lacking[kind]]:
            raised[kind] = chosen
            waiting = [seat for seat in waiting if seat not in chosen]
    return raised


def _can_be_raised(has: Size, kind: Size) -> bool:
    less_memory = not Size(has.mem_mb).covers(Size(kind.mem_mb))
    return less_memory and Size(kind.mem_mb, has.time_min).covers(kind)
