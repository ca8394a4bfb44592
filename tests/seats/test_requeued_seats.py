"""Seats that were requeued and may not start yet: a GPU that is free meanwhile is not left idle."""

from __future__ import annotations

from hpo.decisions.limits import SeatLimits
from hpo.decisions.needs import WantedSeats
from hpo.seats.book import LOOKS, JobPhase, JobStatus, SeatBook
from hpo.seats.next_orders import BACK_LATE, next_orders
from hpo.seats.orders import Cancel, Order, Submit
from hpo.units.sizes import DEFAULT_SIZE

RUNS = JobStatus(JobPhase.RUNNING)
LATE = JobStatus(JobPhase.QUEUED, reason="BeginTime", begins_later=True)
WAITS = JobStatus(JobPhase.QUEUED, reason="Priority")


def poll(book: SeatBook, at: float, **statuses: JobStatus) -> None:
    named = {name.removeprefix("j"): status for name, status in statuses.items()}
    book.take_poll(named, at, vanish_s=60.0)


def orders(book: SeatBook, legs: int, at_once: int = 4) -> list[Order]:
    wanted = WantedSeats({DEFAULT_SIZE: legs}, {}, None, is_known=False)
    return next_orders(book, wanted, SeatLimits(at_once, 100), 0.0)


def two_of_four_requeued() -> SeatBook:
    book = SeatBook()
    poll(book, 0.0, j7_0=RUNS, j7_1=RUNS, j7_2=RUNS, j7_3=RUNS)
    for number in range(4):
        book.claimed(f"7_{number}", number, 1.0)
    for number in (2, 3):  # both saved and left
        book.left(f"7_{number}", over=False, early=True)
    poll(book, 2.0, j7_0=RUNS, j7_1=RUNS, j7_2=LATE, j7_3=LATE)
    return book


def test_others_are_asked_for_in_their_place_and_no_more_than_may_run() -> None:
    book = two_of_four_requeued()
    cancelled = Cancel(("7_2", "7_3"), BACK_LATE)
    assert orders(book, 2) == [cancelled]
    book.carried_out(cancelled)
    assert orders(book, 2) == [], "one of them may have started: it is counted first"
    poll(book, 3.0, j7_0=RUNS, j7_1=RUNS)
    assert orders(book, 2) == [Submit(2, 2)]


def test_one_that_started_before_it_was_cancelled_is_counted() -> None:
    book = two_of_four_requeued()
    book.carried_out(Cancel(("7_2", "7_3"), BACK_LATE))
    poll(book, 3.0, j7_0=RUNS, j7_1=RUNS, j7_2=RUNS)
    assert orders(book, 2) == [Submit(1, 1)], "it takes one of the two legs"


def test_they_are_left_where_others_wait_already_and_where_nothing_is_left_to_do() -> None:
    book = two_of_four_requeued()
    poll(book, 3.0, j7_0=RUNS, j7_1=RUNS, j7_2=LATE, j7_3=LATE, j8_0=WAITS, j8_1=WAITS)
    assert not any(isinstance(order, Submit) for order in orders(book, 2))
    assert {seat.job_id for seat in book.back_late()} == {"7_2", "7_3"}


def test_a_seat_that_the_user_lets_begin_later_waits_like_any_other() -> None:
    book = SeatBook()
    poll(book, 0.0, j7_0=LATE, j7_1=LATE)
    assert book.back_late() == []
    assert not any(isinstance(order, (Cancel, Submit)) for order in orders(book, 2))


def test_a_job_that_left_its_leg_is_looked_at_soon_but_not_for_ever() -> None:
    book = SeatBook()
    poll(book, 0.0, j7_0=RUNS)
    assert not book.is_worth_a_look()
    book.claimed("7_0", 0, 1.0)
    book.left("7_0", over=False, early=True)
    for look in range(LOOKS):
        assert book.is_worth_a_look()
        poll(book, 2.0 + look, j7_0=RUNS)
    assert not book.is_worth_a_look()
    book.left("7_0", over=False, early=True)
    poll(book, 20.0, j7_0=LATE)
    assert not book.is_worth_a_look(), "the cluster has said what becomes of it"
    book.left("7_0", over=False, early=True)
    poll(book, 30.0)
    assert not book.is_worth_a_look()


def test_why_they_wait_and_when_the_next_is_planned_is_known() -> None:
    book = SeatBook()
    planned = JobStatus(JobPhase.QUEUED, reason="Priority", why="others first", starts_at=90.0)
    past = JobStatus(JobPhase.QUEUED, reason="Priority", why="others first", starts_at=10.0)
    poll(book, 0.0, j1=planned, j2=past, j3=WAITS, j4=RUNS)
    assert book.waits_in_words() == {"others first": 2, "Priority": 1}
    assert book.next_start(50.0) == 90.0
    assert book.next_start(95.0) is None
