"""The order of the trials at one rung, and which of them may be promoted."""

from __future__ import annotations

import math
import random

from hpo.record.rung import Rung


def test_the_best_that_wait_are_those_of_the_top_that_were_not_promoted() -> None:
    dice = random.Random(3)
    rung = Rung()
    for trial_id in range(300):
        key = math.inf if trial_id % 7 == 0 else round(dice.random(), 2)  # with ties
        rung.enter(key, trial_id)
        count = len(rung.ranked) // 3
        expected = [i for k, i in rung.ranked[:count] if k != math.inf and i not in rung.promoted]
        assert rung.best_waiting(count) == expected
        for chosen in expected[: dice.randint(0, 2)]:
            rung.promote(next(k for k, i in rung.ranked if i == chosen), chosen)
    assert len(rung.waiting) + len(rung.promoted) == len(rung.ranked) == 300


def test_a_trial_that_is_not_there_may_be_promoted_all_the_same() -> None:
    rung = Rung()
    rung.enter(0.5, 1)
    rung.promote(0.5, 2)
    assert (rung.promoted, rung.best_waiting(1)) == ({2}, [1])


def test_nobody_waits_in_an_empty_rung() -> None:
    assert Rung().best_waiting(0) == []
