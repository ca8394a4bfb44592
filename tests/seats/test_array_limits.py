"""Arrays of jobs that follow each other share one limit on what runs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hpo.seats.arrays import share_limit


def test_the_older_array_gets_what_it_can_use_and_the_younger_one_the_rest() -> None:
    assert share_limit(8, {}, 100) == ({}, 8)
    assert share_limit(8, {}, 3) == ({}, 3)
    assert share_limit(8, {"1": 20}, 100) == ({"1": 7}, 1)
    assert share_limit(8, {"1": 3}, 100) == ({"1": 3}, 5)
    assert share_limit(8, {"1": 3, "2": 100}) == ({"1": 3, "2": 5}, 0)


def test_no_array_is_submitted_that_could_not_be_kept_from_running() -> None:
    assert share_limit(1, {"1": 20}, 5) == ({"1": 1}, 0)
    assert share_limit(2, {"1": 1, "2": 1}, 5) == ({"1": 1, "2": 1}, 0)


@given(st.integers(1, 20), st.lists(st.integers(1, 30), max_size=25), st.integers(0, 30))
def test_all_limits_together_keep_to_the_users(at_once: int, sizes: list[int], new: int) -> None:
    old = {str(number): seats for number, seats in enumerate(sizes)}
    limits, mine = share_limit(at_once, old, new)
    assert all(1 <= limits[array] <= old[array] for array in old)
    assert 0 <= mine <= new
    # Each keeps at least one: more arrays than that are never there.
    assert sum(limits.values()) + mine <= max(at_once, len(old))
    assert sum(limits.values()) + mine == min(max(at_once, len(old)), sum(sizes) + new) or not mine
