"""Seats that wait when settings were edited: changed in their places once, or asked for anew."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from hpo.errors import SubmissionError
from hpo.manager.seats.renewal import Renewal
from hpo.seats.book import JobPhase, JobStatus, SeatBook
from hpo.seats.orders import Cancel, Change, Renew


def waiting(count: int) -> SeatBook:
    book = SeatBook()
    jobs = {f"7_{n}": JobStatus(JobPhase.QUEUED) for n in range(count)}
    book.take_poll(jobs, 1.0, vanish_s=60.0)
    for seat in book.queued():
        seat.off = frozenset({"n1"})
    return book


def cluster(
    book: SeatBook, told: list[Change], answer: Callable[[Change], bool] = lambda _order: True
) -> Callable[[Change], bool]:
    def carry_out(order: Change) -> bool:
        told.append(order)
        done = answer(order)
        if done:
            book.carried_out(order)
        return done

    return carry_out


def test_it_is_done_once_when_the_seats_are_known() -> None:
    told: list[Change] = []
    book = SeatBook()
    renewal = Renewal(book, due=True)
    assert not renewal.act(cluster(book, told))  # nobody knows yet what waits
    book.take_poll(
        {"7_0": JobStatus(JobPhase.QUEUED), "7_1": JobStatus(JobPhase.RUNNING)}, 1.0, vanish_s=60.0
    )
    book.queued()[0].off = frozenset({"n1"})
    assert renewal.act(cluster(book, told))
    assert renewal.act(cluster(book, told))
    assert told == [Renew(("7_0",))]
    assert str(told[0]) == "1 jobs that wait ask for what the settings say now"
    assert book.queued()[0].off is None  # `exclude` was written anew
    assert Renewal(SeatBook(), due=False).act(cluster(book, told))


def test_what_is_not_answered_is_tried_again() -> None:
    told: list[Change] = []
    book = waiting(2)
    renewal = Renewal(book, due=True)
    assert not renewal.act(cluster(book, told, lambda _order: False))
    assert renewal.act(cluster(book, told))
    assert told == [Renew(("7_0", "7_1"))] * 2


def test_what_is_refused_is_asked_for_anew_and_the_places_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)

    def refuse(order: Change) -> bool:
        if isinstance(order, Renew) and order.job_ids:
            raise SubmissionError("Access/permission denied")
        return True

    told: list[Change] = []
    book = waiting(3)
    assert Renewal(book, due=True).act(cluster(book, told, refuse))
    ids = ("7_0", "7_1", "7_2")
    why = "asked for anew, as the settings say now"
    assert told == [Renew(ids), Cancel(ids, why), Renew(())]
    assert book.queued() == []
    assert caplog.messages == [
        "the settings that were edited cost 3 places in the queue: Access/permission denied; "
        "those jobs are asked for anew"
    ]
