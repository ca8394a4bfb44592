"""Which seats give up time and memory while they wait, and how much."""

from __future__ import annotations

from hpo.seats.book import JobPhase, JobStatus, SeatBook
from hpo.seats.fit import oversized
from hpo.seats.orders import Shrink, Submit
from hpo.units.sizes import Size


def waiting(*groups: tuple[int, Size]) -> SeatBook:
    """Tasks of one array: so many of each kind, after one that runs."""
    book = SeatBook(counted=True)
    book.claimed("7_0", 0, 0.0)
    number = 1
    for count, kind in groups:
        names = [f"7_{n}" for n in range(number, number + count)]
        book.submitted(names, Submit(count, count, kind))
        number += count
    return book


def names(first: int, last: int) -> list[str]:
    return [f"7_{n}" for n in range(first, last + 1)]


def job_ids(orders: list[Shrink]) -> list[str]:
    return sorted(job_id for order in orders for job_id in order.job_ids)


LONG, SHORT = Size(None, 120), Size(None, 15)


def test_most_seats_keep_twice_the_time_that_most_legs_need() -> None:
    needs, coming = {SHORT: 20}, {SHORT: 60, Size(None, 45): 12, LONG: 8}
    (order,) = oversized(waiting((100, LONG)), needs, coming)
    assert order.size == Size(None, 30)
    # The last to start stay long enough for the 20 legs that need more.
    assert job_ids([order]) == sorted(names(1, 80))


def test_of_fewer_seats_than_legs_a_share_stays_long() -> None:
    orders = oversized(waiting((50, LONG)), {SHORT: 500}, {SHORT: 300, LONG: 200})
    assert job_ids(orders) == sorted(names(1, 40))


def test_for_little_no_call_is_made() -> None:
    assert oversized(waiting((9, Size(None, 30))), {SHORT: 9}, {}) == []
    assert oversized(waiting((9, Size(None, 20))), {SHORT: 9}, {}) == []
    assert oversized(waiting((9, LONG)), {Size(None, 60): 9}, {}) == []


def test_memory_is_given_up_as_well() -> None:
    large, small = Size(8192), Size(1024)
    (order,) = oversized(waiting((9, large)), {small: 9}, {})
    assert (order.size, job_ids([order])) == (small, names(1, 9))
    both = Size(8192, 240)
    (order,) = oversized(waiting((9, both)), {Size(1024, 15): 9}, {})
    assert (order.size, len(order.job_ids)) == (Size(1024, 30), 9)
    assert oversized(waiting((9, Size(1280))), {small: 9}, {}) == []


def test_what_was_raised_for_a_leg_is_left_alone_where_memory_is_not_learned() -> None:
    book = waiting((2, Size(6144, 120)), (8, LONG))
    assert job_ids(oversized(book, {SHORT: 10}, {})) == ["7_10", *names(3, 9)]


def test_seats_that_run_vanish_or_were_told_in_vain_are_left_alone() -> None:
    book = waiting((3, LONG))
    book.claimed("7_1", 1, 0.0)
    assert job_ids(oversized(book, {SHORT: 9}, {})) == ["7_2", "7_3"]
    book.take_poll({"7_3": JobStatus(JobPhase.QUEUED)}, 1.0, vanish_s=60.0)
    (order,) = oversized(book, {SHORT: 9}, {})
    assert order.job_ids == ("7_3",)
    book.unsure(order)
    assert oversized(book, {SHORT: 9}, {}) == []


def test_where_the_cluster_knows_no_kinds_there_is_nothing_to_give_up() -> None:
    """The time limit of all seats stands in squeue, but no leg says what it needs."""
    assert oversized(waiting((9, LONG)), {Size(): 9}, {}) == []
    assert oversized(waiting((9, LONG)), {}, {}) == []
