"""Which seats give up time and memory while they wait, and how much."""

from __future__ import annotations

from hpo.seats.book import JobPhase, JobStatus, SeatBook
from hpo.seats.fit import oversized
from hpo.units.sizes import SeatKind


def waiting(*groups: tuple[int, SeatKind]) -> SeatBook:
    """Tasks of one array: so many of each kind, after one that runs."""
    book = SeatBook(polled=True)
    book.claimed("7_0", 0, 0.0)
    number = 1
    for count, kind in groups:
        names = [f"7_{n}" for n in range(number, number + count)]
        book.submitted(names, kind.mem_mb, kind.time_min)
        number += count
    return book


def names(first: int, last: int) -> list[str]:
    return [f"7_{n}" for n in range(first, last + 1)]


LONG, SHORT = SeatKind(0, 120), SeatKind(0, 15)


def test_most_seats_keep_twice_the_time_that_most_legs_need() -> None:
    needs, coming = {SHORT: 20}, {SHORT: 60, SeatKind(0, 45): 12, LONG: 8}
    kind, found = oversized(waiting((100, LONG)), needs, coming)
    assert kind == SeatKind(0, 30)
    # The last to start stay long enough for the 20 legs that need more.
    assert sorted(found) == sorted(names(1, 80))


def test_of_fewer_seats_than_legs_a_share_stays_long() -> None:
    _, found = oversized(waiting((50, LONG)), {SHORT: 500}, {SHORT: 300, LONG: 200})
    assert sorted(found) == sorted(names(1, 40))


def test_for_little_no_call_is_made() -> None:
    assert oversized(waiting((9, SeatKind(0, 30))), {SHORT: 9}, {}) == (SeatKind(0, 30), [])
    assert oversized(waiting((9, SeatKind(0, 20))), {SHORT: 9}, {})[1] == []
    assert oversized(waiting((9, LONG)), {SeatKind(0, 60): 9}, {})[1] == []


def test_memory_is_given_up_as_well() -> None:
    large, small = SeatKind(8192), SeatKind(1024)
    kind, found = oversized(waiting((9, large)), {small: 9}, {})
    assert (kind, sorted(found)) == (small, names(1, 9))
    both = SeatKind(8192, 240)
    kind, found = oversized(waiting((9, both)), {SeatKind(1024, 15): 9}, {})
    assert (kind, len(found)) == (SeatKind(1024, 30), 9)
    assert oversized(waiting((9, SeatKind(1280))), {small: 9}, {})[1] == []


def test_what_was_raised_for_a_leg_is_left_alone_where_memory_is_not_learned() -> None:
    book = waiting((2, SeatKind(6144, 120)), (8, LONG))
    assert sorted(oversized(book, {SHORT: 10}, {})[1]) == ["7_10", *names(3, 9)]


def test_seats_that_run_vanish_or_are_to_be_kept_are_left_alone() -> None:
    book = waiting((3, LONG))
    book.claimed("7_1", 1, 0.0)
    assert oversized(book, {SHORT: 9}, {}, kept={"7_3"})[1] == ["7_2"]
    book.take_poll({"7_3": JobStatus(JobPhase.QUEUED)}, 1.0, vanish_s=60.0)
    assert oversized(book, {SHORT: 9}, {})[1] == ["7_3"]


def test_where_the_cluster_knows_no_kinds_there_is_nothing_to_give_up() -> None:
    """The time limit of all seats stands in squeue, but no leg says what it needs."""
    assert oversized(waiting((9, LONG)), {SeatKind(): 9}, {})[1] == []
    assert oversized(waiting((9, LONG)), {}, {})[1] == []
