"""What is to be ordered next for the seats of a campaign.

Pure: from the seats that there are and those that are wanted to a list of orders. One thing at a
time: what follows from orders that were carried out is seen at the next look, so that no order here
has to foresee another.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hpo.decisions.limits import SeatLimits
from hpo.decisions.needs import WantedSeats
from hpo.seats.arrays import lower_limits, raise_limits, room, surplus
from hpo.seats.book import SeatBook
from hpo.seats.fit import oversized
from hpo.seats.orders import Avoid, Cancel, Order, Raise, Submit
from hpo.seats.plan import NOTHING, plan_seats, useless_seats

USELESS = "nothing is left for them"
BEYOND = "more arrays wait than seats may run at once"
BACK_LATE = "they were requeued and may not start yet; others are asked for"


def next_orders(
    book: SeatBook,
    wanted: WantedSeats,
    limits: SeatLimits,
    now: float,
    *,
    out: frozenset[str] | None = None,
    paused: bool = False,
) -> list[Order]:
    """The orders that are due; none of them rests on what another one leads to.

    Args:
        book: what is known of the seats.
        wanted: what seats are to be there for; nothing: those that wait are cancelled.
        limits: the user's, or the cluster's where that has room for less.
        now: the time (s, Unix).
        out: nodes that are to be left alone; None: this campaign has never had any.
        paused: nothing new is to be started now.
    """
    if not (wanted.needs or wanted.coming):
        return cancel(useless_seats(book, {}), USELESS)
    avoid: list[Order] = [*_avoid(book, out)]
    if paused or not book.counted or book.has_unexplained_ends():
        return avoid
    return avoid + _first_due(book, wanted, limits, now, out or frozenset())


def _first_due(
    book: SeatBook, wanted: WantedSeats, limits: SeatLimits, now: float, out: frozenset[str]
) -> list[Order]:
    at_once = limits.max_concurrent_jobs
    if orders := cancel(surplus(at_once, book), BEYOND):
        return orders
    coming = wanted.coming if book.may_expect(now) else NOTHING
    plan = plan_seats(book, wanted.needs, limits, coming=coming, usual_mb=wanted.usual_mb)
    new = sum(order.count for order in plan if isinstance(order, Submit))
    if new and (late := [seat.job_id for seat in book.back_late()]):
        return cancel(late, BACK_LATE)
    if lowered := lower_limits(at_once, book, new):
        return [*lowered]
    if raised := raise_limits(at_once - min(new, 1), book):
        return [*raised]
    if asked := list(_sharing(plan, room(at_once, book), out)):
        return [*asked]
    if wanted.is_known and (shrunk := oversized(book, wanted.needs, wanted.coming)):
        return [*shrunk]
    useless = useless_seats(book, wanted.needs, coming=wanted.coming, spared=at_once)
    return cancel(useless, USELESS)


def cancel(job_ids: list[str], why: str) -> list[Order]:
    """The order to take these out of the queue, if there are any."""
    return [Cancel(tuple(job_ids), why)] if job_ids else []


def _avoid(book: SeatBook, out: frozenset[str] | None) -> list[Avoid]:
    """For the seats that wait and do not know yet which nodes are out."""
    if out is None:
        return []
    unaware = tuple(sorted(seat.job_id for seat in book.queued() if seat.off != out))
    return [Avoid(unaware, out)] if unaware else []


def _sharing(
    plan: Iterable[Raise | Submit], may_run: int, out: frozenset[str]
) -> Iterable[Raise | Submit]:
    """The plan, with what may run beside what is there; without that nothing is submitted."""
    for order in plan:
        if isinstance(order, Submit):
            if may_run == 0:
                return
            order = replace(order, at_once=min(order.count, may_run), avoid=out)
            may_run -= order.at_once
        yield order
