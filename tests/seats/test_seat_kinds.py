"""Which seats may take which offers, and the classes of time and memory."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.units.sizes import (
    TIMES_MIN,
    Size,
    mem_class,
    missing,
    time_class,
    time_classes,
    usable_s,
    warning_s,
)

NO_SEAT = Size(-1, -1)
KINDS = st.builds(Size, st.sampled_from([None, 512, 1024]), st.sampled_from([None, 5, 30, 120]))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (Size(768, 30), "30 min and 768 MB"),
        (Size(None, 120), "120 min"),
        (Size(768), "768 MB"),
        (Size(), ""),
    ],
)
def test_sizes_in_words(size: Size, words: str) -> None:
    assert str(size) == words


def test_what_nothing_was_said_of_is_filled_in() -> None:
    assert Size(768).known_or(Size(512, 30)) == Size(768, 30)
    assert Size(None, 30).known_or(Size()) == Size(None, 30)


def test_an_offer_finds_a_seat_that_has_both() -> None:
    need = {Size(1024, 30): 1}
    assert missing(need, {Size(1024, 30): 1}) == {}
    assert missing(need, {Size(2048, 120): 1}) == {}
    assert missing(need, {Size(2048, 5): 9, Size(512, 120): 9}) == need


def test_a_seat_serves_one_offer_and_small_ones_are_left_the_small_seats() -> None:
    needs = {Size(None, 5): 2, Size(None, 120): 1}
    assert missing(needs, {Size(None, 120): 1, Size(None, 5): 1}) == {Size(None, 5): 1}
    assert missing(needs, {Size(None, 120): 2}) == {Size(None, 5): 1}
    assert missing(needs, {Size(None, 5): 5}) == {Size(None, 120): 1}


def test_seats_that_are_no_longer_free_serve_nobody() -> None:
    assert missing({Size(): 1}, {Size(): 0}) == {Size(): 1}
    assert missing({Size(): 1}, Counter({Size(): -1})) == {Size(): 1}
    assert missing({Size(): 0}, {}) == {}


@given(needs=st.lists(KINDS, max_size=4), free=st.lists(KINDS, max_size=4))
def test_no_choice_of_seats_serves_more_offers(needs: list[Size], free: list[Size]) -> None:
    left = missing(Counter(needs), Counter(free))
    assert all(left[kind] <= Counter(needs)[kind] for kind in left)
    padded = [*free, *[NO_SEAT] * len(needs)]
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
