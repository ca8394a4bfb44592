"""Pauses that double up to a longest one."""

from __future__ import annotations

from hpo.units.backoff import Backoff

PAUSE = Backoff(30.0, 100.0)


def test_each_pause_is_twice_the_one_before_up_to_the_longest() -> None:
    pauses = [PAUSE.after(0.0)]
    while len(pauses) < 4:
        pauses.append(PAUSE.after(pauses[-1]))
    assert pauses == [PAUSE.doubled(n) for n in range(4)] == [30.0, 60.0, 100.0, 100.0]


def test_a_pause_doubled_without_end_is_the_longest() -> None:
    assert PAUSE.doubled(10**6) == 100.0
