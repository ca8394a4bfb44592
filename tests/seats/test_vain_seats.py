"""Seats that started before there was a leg for them, and what follows from it."""

from __future__ import annotations

from hpo.record.causes import Cause
from hpo.seats.book import VAIN_PAUSE, JobPhase, JobStatus, SeatBook

RUNNING = JobStatus(JobPhase.RUNNING)
WELL = JobStatus(JobPhase.ENDED, cause=Cause.KILLED, ok=True)
BADLY = JobStatus(JobPhase.ENDED, cause=Cause.PREEMPTED)


def came(book: SeatBook, now: float, name: str, end: JobStatus = WELL) -> None:
    book.take_poll({name: RUNNING}, now, vanish_s=600.0)
    book.take_poll({name: end}, now + 1.0, vanish_s=600.0)


def test_after_one_that_came_in_vain_no_other_is_asked_for_too_soon() -> None:
    book = SeatBook()
    assert book.may_expect(0.0)
    came(book, 10.0, "1")
    assert not book.may_expect(11.0)
    book.take_poll({}, 12.0, vanish_s=600.0)
    assert not book.seats
    assert not book.may_expect(10.0 + VAIN_PAUSE.first_s)
    assert book.may_expect(11.0 + VAIN_PAUSE.first_s)


def test_the_pause_grows_with_each_and_has_an_end() -> None:
    pauses: list[float] = []
    book = SeatBook()
    now = 0.0
    for number in range(12):
        came(book, now, str(number))
        begin = now = now + 1.0
        while not book.may_expect(now):
            now += 60.0
        pauses.append(now - begin)
    assert pauses[:3] == [900.0, 1800.0, 3600.0]
    assert pauses[-1] == VAIN_PAUSE.longest_s


def test_once_a_seat_takes_a_leg_all_is_well() -> None:
    book = SeatBook()
    came(book, 0.0, "1")
    assert not book.may_expect(1.0)
    book.take_poll({}, 2.0, vanish_s=600.0)
    book.claimed("2", 7, 3.0)
    assert book.may_expect(3.0)


def test_what_ended_badly_or_with_a_leg_did_not_come_in_vain() -> None:
    book = SeatBook()
    came(book, 0.0, "1", BADLY)
    book.claimed("2", 7, 3.0)
    book.left("2", over=False)
    came(book, 4.0, "2")
    assert book.may_expect(5.0)
