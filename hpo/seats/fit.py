"""Which waiting seats have more time or memory than the legs that they will be for.

While nobody knows what legs need, seats are queued with the most that any may have. Once it is
known, most of them give up the rest where they stand: a job that asks for less fits into more holes
of the schedule, and keeps the age that it has gained. Pure: from seats and legs to seats that are
to change; apart from `plan`, which asks for seats and never makes one smaller.
"""

from __future__ import annotations

from collections.abc import Mapping

from hpo.seats.book import SeatBook
from hpo.seats.orders import Shrink
from hpo.seats.plan import next_legs
from hpo.units.sizes import Size, longer_class, most_common

LESS = 0.75  # of what it has: for little a call to the cluster is not worth while


def oversized(
    book: SeatBook, needs: Mapping[Size, int], coming: Mapping[Size, int]
) -> list[Shrink]:
    """Jobs that wait with much more than most legs need, and what they should have instead.

    That is twice the time of the most common kind: legs that end early are the first to tell how
    long legs take, and what is given up cannot be asked for again. As many seats as there are legs
    of longer kinds stay as they are, and those of which nobody knows what they have.
    """
    waiting = [s for s in book.queued() if s.trial_id is None and s.absent_since is None]
    # The longest are spared, and of equals those that the cluster starts last.
    waiting.sort(key=lambda seat: (seat.size, len(seat.job_id), seat.job_id), reverse=True)
    legs = next_legs(needs, coming, len(waiting))
    usual = most_common(legs)
    longer = sum(count for kind, count in legs.items() if not usual.covers(kind))
    fit = Size(usual.mem_mb, longer_class(usual.time_min))
    found = tuple(s.job_id for s in waiting[longer:] if not s.keeps and _is_worth(s.size, fit))
    return [Shrink(found, fit)] if found else []


def _is_worth(has: Size, fit: Size) -> bool:
    # One that was raised for a leg's memory serves that leg, where memory is not learned.
    is_raised = has.mem_mb is not None and fit.mem_mb is None
    is_less = _is_less(fit.time_min, has.time_min) or _is_less(fit.mem_mb, has.mem_mb)
    return has.covers(fit) and not is_raised and is_less


def _is_less(fit: int | None, has: int | None) -> bool:
    return fit is not None and has is not None and fit <= LESS * has
