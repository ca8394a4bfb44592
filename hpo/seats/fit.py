"""Which waiting seats have more time or memory than the legs that they will be for.

While nobody knows what legs need, seats are queued with the most that any may have. Once it is
known, most of them give up the rest where they stand: a job that asks for less fits into more holes
of the schedule, and keeps the age that it has gained. Pure: from seats and legs to seats that are
to change. Memory is in MB, time in minutes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hpo.seats.book import SeatBook
from hpo.seats.plan import kind_of, next_legs
from hpo.units.sizes import SeatKind, longer_class, most_common

LESS = 0.75  # of what it has: for little a call to the cluster is not worth while


def oversized(
    book: SeatBook,
    needs: Mapping[SeatKind, int],
    coming: Mapping[SeatKind, int],
    kept: Collection[str] = (),
) -> tuple[SeatKind, list[str]]:
    """Jobs that wait with much more than most legs need, and what they should have instead.

    That is twice the time of the most common kind: legs that end early are the first to tell how
    long legs take, and what is given up cannot be asked for again. As many seats as there are legs
    of longer kinds stay as they are, and those in `kept`.
    """
    waiting = [s for s in book.queued() if s.trial_id is None and s.absent_since is None]
    # The longest are spared, and of equals those that the cluster starts last.
    waiting.sort(key=lambda seat: (kind_of(seat), len(seat.job_id), seat.job_id), reverse=True)
    legs = next_legs(needs, coming, len(waiting))
    usual = most_common(legs)
    longer = sum(count for kind, count in legs.items() if not usual.covers(kind))
    fit = SeatKind(usual.mem_mb, longer_class(usual.time_min))
    found = [
        s.job_id for s in waiting[longer:] if s.job_id not in kept and _is_worth(kind_of(s), fit)
    ]
    return fit, found


def _is_worth(has: SeatKind, fit: SeatKind) -> bool:
    less_time = 0 < fit.time_min <= LESS * has.time_min
    less_memory = 0 < fit.mem_mb <= LESS * has.mem_mb
    # One that was raised for a leg's memory serves that leg, where memory is not learned.
    is_raised = has.mem_mb > 0 and fit.mem_mb == 0
    return has.covers(fit) and not is_raised and (less_time or less_memory)
