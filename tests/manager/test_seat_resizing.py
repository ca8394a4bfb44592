"""Waiting seats that are to change what they ask for, and what is done where that fails."""

from __future__ import annotations

import logging
from collections.abc import Collection

import pytest
from partial_cluster import as_cluster

from hpo.decisions.needs import WantedSeats
from hpo.errors import PollError
from hpo.manager.seats.resizing import SeatResizing, in_words
from hpo.seats.book import SeatBook
from hpo.units.sizes import SeatKind

LONG, SHORT = SeatKind(0, 120), SeatKind(0, 15)


class Cluster:
    """Takes what it is told, unless it is broken."""

    def __init__(self, *, broken: bool = False) -> None:
        self.broken = broken
        self.told: list[tuple[int, int, int]] = []

    def shrink(self, job_ids: Collection[str], *, mem_mb: int, time_min: int) -> None:
        self.told.append((len(job_ids), mem_mb, time_min))
        if self.broken:
            raise PollError("scontrol: Access/permission denied")


def waiting(count: int) -> SeatBook:
    book = SeatBook(polled=True)
    book.submitted([f"7_{number}" for number in range(count)], time_min=120)
    return book


def wanted(legs: int, *, is_known: bool = True) -> WantedSeats:
    return WantedSeats({SHORT: legs}, {}, 0, is_known)


def test_nothing_changes_before_it_is_known_what_legs_need() -> None:
    cluster, book = Cluster(), waiting(9)
    SeatResizing(as_cluster(cluster), book).shrink(wanted(9, is_known=False))
    assert cluster.told == []


def test_what_gave_up_time_is_not_asked_again() -> None:
    cluster, book = Cluster(), waiting(9)
    sizes = SeatResizing(as_cluster(cluster), book)
    sizes.shrink(wanted(9))
    sizes.shrink(wanted(9))
    assert cluster.told == [(9, 0, 30)]
    assert {seat.time_min for seat in book.queued()} == {30}


def test_a_job_that_is_over_by_then_is_no_seat_again() -> None:
    book = waiting(2)
    book.left("7_1", over=True)
    book.shrunk(["7_0", "7_1"], 256, 0)
    assert [(s.job_id, s.mem_mb, s.time_min) for s in book.seats.values()] == [("7_0", 256, 120)]


def test_where_the_cluster_refuses_the_jobs_stay_as_they_are_and_it_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster, book = Cluster(broken=True), waiting(9)
    sizes = SeatResizing(as_cluster(cluster), book)
    with caplog.at_level(logging.WARNING):
        sizes.shrink(wanted(9))
        sizes.shrink(wanted(9))
    assert cluster.told == [(9, 0, 30)]
    assert {seat.time_min for seat in book.queued()} == {120}
    (line,) = caplog.messages
    assert "could not be made to ask for 30 min" in line
    assert "permission denied" in line


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (SeatKind(768, 30), "30 min and 768 MB"),
        (LONG, "120 min"),
        (SeatKind(768), "768 MB"),
        (SeatKind(), ""),
    ],
)
def test_sizes_in_words(kind: SeatKind, words: str) -> None:
    assert in_words(kind) == words
