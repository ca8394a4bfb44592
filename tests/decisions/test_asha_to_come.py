"""Which paused trials are hopeless, and how many promotions are still to come."""

from __future__ import annotations

from collections.abc import Sequence

from asha_game import Game, Numbered, endings
from hypothesis import given
from hypothesis import strategies as st

from hpo.decisions.asha import Asha, expected_legs
from hpo.decisions.needs import ComingLeg
from hpo.decisions.scheduler import Limits, Scheduler
from hpo.decisions.whole_trials import WholeTrials
from hpo.record.state import CampaignState, TrialStatus
from hpo.space.space import read_space


@given(endings=endings, eta=st.integers(2, 4), brackets=st.integers(1, 2))
def test_what_is_called_hopeless_is_never_promoted(
    endings: Sequence[tuple[float, bool]], eta: int, brackets: int
) -> None:
    asha = Asha(max_t=27, reduction_factor=eta, brackets=brackets)
    game = Game(asha, n_trials=20, limits={"max_initial_failures": 0})
    hopeless: set[int] = set()
    for metric, fails in endings:
        hopeless |= set(asha.hopeless(game.state, 20))
        assert not any(game.state.trials[i].status is not TrialStatus.PAUSED for i in hopeless)
        if game.run(metric, "failed" if fails else "completed") is None:
            break


def test_most_paused_trials_become_hopeless_as_the_rung_fills() -> None:
    asha = Asha(max_t=9)
    game = Game(asha, n_trials=27)
    value = 0.0
    while (taken := game.best_offer()) is not None and game.run(value) == taken:
        value += 1.0
    assert len(asha.hopeless(game.state, 27)) >= 18  # all that rung 0 can never promote


def test_in_random_search_nothing_is_paused_and_so_nothing_is_hopeless() -> None:
    assert list(WholeTrials().hopeless(CampaignState(), 10)) == []
    space, _ = read_space({"a": 9, "b": [1, 2], "c": True, "d": 1.5})
    assert [space.constant_int(name) for name in ("a", "b", "c", "d", "e")] == [9] + [None] * 4


class TestPromotionsToCome:
    def test_a_new_campaign_expects_the_rung_plan(self) -> None:
        asha = Asha(max_t=81)
        expected = sum(reached for _, reached, _ in expected_legs(asha, 81)[1:])
        coming = asha.promotions_to_come(CampaignState(), 81)
        assert coming == {1: 27, 2: 9, 3: 3, 4: 1}
        assert sum(coming.values()) == expected

    def test_what_was_promoted_or_failed_is_expected_no_more(self) -> None:
        game = Game(Asha(max_t=9), n_trials=9)
        assert game.asha.promotions_to_come(game.state, 0) == {1: 3, 2: 1}
        for metric in (0.3, 0.2, 0.1):
            game.run(metric)
        # One was promoted; of the six that run there may follow two more, and of all three one.
        assert game.asha.promotions_to_come(game.state, 0) == {1: 2, 2: 1}
        game.run(0.1)
        for _ in range(6):
            game.run(None, "failed")
        assert game.asha.promotions_to_come(game.state, 0) == {}

    def test_random_search_promotes_nothing(self) -> None:
        scheduler = Scheduler(Numbered(), Limits(n_trials=5))
        state = CampaignState()
        assert scheduler.legs_to_come(state) == {ComingLeg(0, None): 5}
        state.exhausted = True
        assert scheduler.legs_to_come(state) == {}
