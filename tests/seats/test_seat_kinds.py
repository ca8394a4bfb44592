"""Which seats may take which offers, and the classes of time and memory."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.units.sizes import (
    TIMES_MIN,
    SeatKind,
    mem_class,
    missing,
    time_class,
    time_classes,
    usable_s,
    warning_s,
)

KINDS = st.builds(SeatKind, st.sampled_from([0, 512, 1024]), st.sampled_from([5, 30, 120]))


def test_an_offer_finds_a_seat_that_has_both() -> None:
    need = {SeatKind(1024, 30): 1}
    assert missing(need, {SeatKind(1024, 30): 1}) == {}
    assert missing(need, {SeatKind(2048, 120): 1}) == {}
    assert missing(need, {SeatKind(2048, 5): 9, SeatKind(512, 120): 9}) == need


def test_a_seat_serves_one_offer_and_small_ones_are_left_the_small_seats() -> None:
    needs = {SeatKind(0, 5): 2, SeatKind(0, 120): 1}
    assert missing(needs, {SeatKind(0, 120): 1, SeatKind(0, 5): 1}) == {SeatKind(0, 5): 1}
    assert missing(needs, {SeatKind(0, 120): 2}) == {SeatKind(0, 5): 1}
    assert missing(needs, {SeatKind(0, 5): 5}) == {SeatKind(0, 120): 1}


def test_seats_that_are_no_longer_free_serve_nobody() -> None:
    assert missing({SeatKind(): 1}, {SeatKind(): 0}) == {SeatKind(): 1}
    assert missing({SeatKind(): 1}, Counter({SeatKind(): -1})) == {SeatKind(): 1}
    assert missing({SeatKind(): 0}, {}) == {}


@given(needs=st.lists(KINDS, max_size=4), free=st.lists(KINDS, max_size=4))
def test_no_choice_of_seats_serves_more_offers(needs: list[SeatKind], free: list[SeatKind]) -> None:
    left = missing(Counter(needs), Counter(free))
    assert all(left[kind] <= Counter(needs)[kind] for kind in left)
    padded = [*free, *[SeatKind(-1, -1)] * len(needs)]
    most = max(
        sum(seat.covers(need) for need, seat in zip(needs, chosen, strict=False))
        for chosen in set(permutations(padded, len(needs)))
    )
    assert sum(left.values()) == len(needs) - most


def test_a_leg_ends_within_the_class_that_it_gets() -> None:
    assert time_class(1, 120) == 5
    assert time_class(usable_s(5), 120) == 5
    assert time_class(usable_s(5) + 1, 120) == 10
    assert time_class(usable_s(120), 120) == 120
    assert time_class(10**9, 120) == 120
    assert time_class(1, 3) == 3


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_longer_leg_never_gets_a_shorter_class(time_s: int, max_time_min: int) -> None:
    classes = time_classes(max_time_min)
    assert list(classes) == sorted(set(classes))
    assert classes[-1] == max_time_min
    assert set(classes) <= {*TIMES_MIN, max_time_min}
    found = time_class(time_s, max_time_min)
    assert found in classes
    assert found <= time_class(time_s + 60, max_time_min)
    assert usable_s(found) >= time_s or found == max_time_min


def test_a_job_is_warned_a_tenth_before_its_end_within_bounds() -> None:
    assert [warning_s(minutes) for minutes in (1, 10, 120)] == [30, 60, 300]
    assert usable_s(1) == 1
    assert usable_s(120) == 7200 - 300 - 60


@pytest.mark.parametrize(
    ("used", "asked"),
    [(1, 256), (256, 256), (257, 512), (2049, 2560), (8193, 9216), (100_000.5, 100_352)],
)
def test_memory_is_asked_for_in_few_steps(used: float, asked: int) -> None:
    assert mem_class(used) == asked
