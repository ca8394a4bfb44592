"""How many tasks of each array of seats may run, so that all of them keep to the user's limit.

SLURM keeps the limit within one array (`--array=…%limit`) and starts the next task by itself. When
an array runs low and a second one is queued behind it, the limit has to be shared: the older array
gets what it still can use, the younger one the rest. Pure: from the seats to orders.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set

from hpo.seats.book import JobPhase, SeatBook
from hpo.seats.orders import LimitArray, array_of


def living_arrays(book: SeatBook) -> dict[str, int]:
    """Seats that wait or run, by array, the oldest first."""
    live = (s.job_id for s in book.seats.values() if s.phase is not JobPhase.ENDED)
    counts = Counter(array_of(job_id) for job_id in live)
    # By number; ids of another form, as of processes, come in the order of their letters.
    return {array: counts[array] for array in sorted(counts, key=lambda a: (len(a), a))}


def waiting_arrays(book: SeatBook) -> set[str]:
    """Arrays of which some tasks still wait: only there a limit means anything."""
    return {array_of(s.job_id) for s in book.queued() if "_" in s.job_id}


def surplus(at_once: int, book: SeatBook) -> list[str]:
    """Seats of the youngest arrays, where more arrays wait than seats may run.

    There are none, except after the user's limit was lowered: each of them runs one at least.
    """
    arrays = {array_of(seat.job_id) for seat in book.queued()}
    if len(arrays) <= at_once:
        return []
    oldest = [array for array in living_arrays(book) if array in arrays][:at_once]
    idle = (seat.job_id for seat in book.queued() if seat.trial_id is None)
    return [job_id for job_id in idle if array_of(job_id) not in oldest]


def share_limit(at_once: int, old: Mapping[str, int], new: int = 0) -> tuple[dict[str, int], int]:
    """The limit of each array in `old` (seats by array, oldest first) and of a `new` one.

    They add up to `at_once`, or to one for each. None is 0, because SLURM takes that for no limit;
    only the new one may get 0: it must not be submitted now.
    """
    left = at_once - len(old)  # one for each
    mine = min(1, new) if left > 0 else 0
    left -= mine
    limits = {}
    for array, seats in old.items():
        more = max(0, min(seats - 1, left))
        limits[array] = 1 + more
        left -= more
    return limits, mine + max(0, min(new - 1, left)) if mine else 0


def lower_limits(at_once: int, book: SeatBook, new: int = 0) -> list[LimitArray]:
    """What makes room for `new` seats behind the arrays that wait.

    What runs already goes on, so it has to be counted again before more may start.
    """
    living = living_arrays(book)
    shares, _ = share_limit(at_once, living, new)
    limited = _limited(living, waiting_arrays(book))
    due = {a: n for a, n in shares.items() if n < book.limits.get(a, at_once + 1)}
    return [LimitArray(array, limit) for array, limit in due.items() if array in limited]


def raise_limits(at_once: int, book: SeatBook) -> list[LimitArray]:
    """What gives a younger array that of which an older one makes no use any more."""
    living, waiting = living_arrays(book), waiting_arrays(book)
    shares, _ = share_limit(at_once, living)
    limited, raised = _limited(living, waiting), []
    spare = _room(at_once, book, living, waiting)
    for array, limit in shares.items():
        known = book.limits.get(array, limit)
        more = min(limit - known, spare)
        if array in limited and more > 0:
            raised.append(LimitArray(array, known + more))
            spare -= more
    return raised


def room(at_once: int, book: SeatBook) -> int:
    """How many more seats may run beside what runs, and what the arrays may start."""
    return _room(at_once, book, living_arrays(book), waiting_arrays(book))


def _room(at_once: int, book: SeatBook, living: Mapping[str, int], waiting: Set[str]) -> int:
    running = Counter(array_of(seat.job_id) for seat in book.running())
    may_run = 0
    for array, seats in living.items():
        limit = book.limits.get(array, seats) if array in waiting else seats
        may_run += min(seats, max(limit, running[array]))
    return max(0, at_once - may_run)


def _limited(living: Mapping[str, int], waiting: Set[str]) -> list[str]:
    """The arrays of which a limit means something; of a single seat nothing has to be said."""
    return [array for array in waiting if living[array] > 1]
