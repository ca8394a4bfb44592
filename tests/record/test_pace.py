"""How long a leg will take, and what its offer therefore asks of a seat."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from histories import (
    NOW,
    ListedSearch,
    claimed,
    drawn,
    finished,
    lost,
    offered,
    running,
    state_after,
)
from hypothesis import given
from hypothesis import strategies as st

from hpo.decisions.limits import Limits
from hpo.decisions.needs import has_longer, offers_ahead, with_needs
from hpo.decisions.scheduler import Scheduler
from hpo.record import events as ev
from hpo.record.pace import ENOUGH, MARGIN, OWN_MARGIN, SURE, WINDOW, LegTime, Pace
from hpo.record.state import CampaignState
from hpo.record.trial import TrialState
from hpo.units.sizes import usable_s

AUTO = Limits(n_trials=100, timed=True, max_time_s=6000, learn_time=True)


def pace(*legs: tuple[int, int, int, float]) -> Pace:
    made = Pace()
    for leg in legs:
        made.add(LegTime(*leg))
    return made


def trial(trained: int = 0, trained_s: float = 0.0, resource: int = 0) -> TrialState:
    return TrialState(1, {}, resource=resource, trained=trained, trained_s=trained_s)


class TestPace:
    def test_nothing_is_foretold_from_too_few_legs(self) -> None:
        known = pace(*[(i, 0, 1, 10.0) for i in range(ENOUGH - 1)])
        assert known.expected_s(None, 0, 9) is known.expected_s(None, 0, None) is None
        assert not known.is_known

    def test_a_new_trial_is_taken_to_be_as_slow_as_the_slow_ones(self) -> None:
        known = pace((0, 0, 2, 20.0), (1, 0, 2, 40.0), (2, 0, 2, 30.0))
        assert known.expected_s(None, 0, 3) == pytest.approx(MARGIN * 20.0 * 3)

    def test_one_odd_leg_of_many_does_not_set_the_pace(self) -> None:
        known = pace(*[(i, 0, 1, 10.0) for i in range(60)], (60, 0, 1, 1000.0))
        assert known.expected_s(None, 0, 1) == pytest.approx(MARGIN * 10.0)

    def test_how_long_legs_usually_report_nothing_is_learned_without_the_odd_one(self) -> None:
        known = Pace()
        assert known.longest_silence_s() is None
        known.add(LegTime(0, 0, 1, 9.0))
        assert known.longest_silence_s() is None
        for trial_id in range(60):
            known.add(LegTime(trial_id, 0, 1, 9.0, silence_s=7.0))
        known.add(LegTime(60, 0, 1, 9000.0, silence_s=8000.0))
        assert known.longest_silence_s() == 7.0

    def test_a_slow_network_stays_slow_and_a_fast_one_fast(self) -> None:
        known = pace(*[(i, 0, 1, 10.0) for i in range(9)])
        assert known.expected_s(trial(1, 100.0, resource=1), 1, 3) == pytest.approx(
            OWN_MARGIN * 100.0 * 2
        )
        assert known.expected_s(trial(1, 1.0, resource=1), 1, 3) == pytest.approx(OWN_MARGIN * 2)

    def test_what_is_left_of_an_interrupted_leg_takes_less(self) -> None:
        known = pace(*[(i, 0, 9, 90.0) for i in range(9)])
        assert known.expected_s(trial(resource=6), 0, 9) == pytest.approx(MARGIN * 30.0)

    def test_legs_of_the_same_rung_tell_more_than_others(self) -> None:
        low = [(i, 0, 1, 10.0) for i in range(9)]
        assert pace(*low, (1, 1, 2, 60.0)).expected_s(None, 1, 2) == pytest.approx(MARGIN * 60.0)
        high = [(20 + i, 1, 2, 10.0) for i in range(ENOUGH)]
        assert pace(*low, *high).expected_s(None, 1, 2) == pytest.approx(MARGIN * 10.0)

    def test_without_an_end_a_leg_is_as_long_as_others_were(self) -> None:
        known = pace((0, 0, 1, 10.0), (1, 0, 7, 70.0), (2, 0, 2, 20.0))
        assert known.expected_s(None, 0, None) == pytest.approx(MARGIN * 70.0)

    def test_the_start_up_shows_in_trials_with_legs_of_different_length(self) -> None:
        speeds = {0: 1.0, 1: 5.0, 2: 2.0}
        low = [(i, 0, 1, 30.0 + s) for i, s in speeds.items()]
        high = [(i, 1, 8, 30.0 + 8 * s) for i, s in speeds.items()]
        assert pace(*low).start_up_s() == 0.0
        known = pace(*low, *high)
        assert known.start_up_s() == pytest.approx(30.0)
        slow = trial(8, 70.0, resource=9)
        assert known.expected_s(slow, 2, 27) == pytest.approx(OWN_MARGIN * 120.0)
        assert known.expected_s(None, 0, 1) == pytest.approx(MARGIN * 35.0)

    def test_legs_of_the_same_length_say_nothing_of_the_start_up(self) -> None:
        known = pace(*[(0, rung, 3, 10.0) for rung in range(9)])
        assert known.start_up_s() == 0.0

    def test_what_is_kept_is_bounded_and_follows_a_change(self) -> None:
        known = pace(*[(i, 0, 1, 1000.0) for i in range(10)])
        for i in range(WINDOW):
            known.add(LegTime(i, 0, 1, 1.0))
        assert len(known.legs) == WINDOW
        assert known.expected_s(None, 0, 1) == pytest.approx(MARGIN)

    @given(
        legs=st.lists(
            st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(1, 50), st.floats(0, 1e6)),
            min_size=ENOUGH,
            max_size=30,
        )
    )
    def test_no_leg_is_expected_to_end_before_it_begins(
        self, legs: list[tuple[int, int, int, float]]
    ) -> None:
        for known in (pace(*legs), pace(*legs[:ENOUGH])):
            for one in (None, trial(2, 5.0)):
                expected = known.expected_s(one, 1, 7)
                assert expected is not None
                assert expected >= 0.0


class TestOffersAhead:
    def test_few_offers_lie_ready_while_it_is_not_sure_what_they_should_say(self) -> None:
        auto = replace(AUTO, offers_ahead=50, offers_untimed=4)
        only_timed = replace(auto, learn_time=False)
        for ended, learned, timed in ((0, 4, 4), (ENOUGH, 4, 50), (SURE, 50, 50)):
            state = state_after([*running(*range(ended)), *TestNeeds().ends(ended)])
            assert offers_ahead(state, auto) == learned
            assert offers_ahead(state, only_timed) == timed
            assert offers_ahead(state, replace(auto, timed=False)) == 50


class TestNeeds:
    def need(self, state: CampaignState, event: ev.LegOffered, **limits: Any) -> int:
        asked = with_needs(event, state, replace(AUTO, **limits))
        assert isinstance(asked, ev.LegOffered)
        return asked.time_s

    def ended(self, count: int = ENOUGH) -> CampaignState:
        return state_after([*running(*range(count)), *self.ends(count)])

    def ends(self, count: int) -> list[ev.Event]:
        return [finished(i, job_id=str(i), elapsed=90.0) for i in range(count)]

    def test_an_offer_says_nothing_where_nobody_asks(self) -> None:
        assert self.need(self.ended(), offered(9), timed=False) == 0
        event = drawn(9)
        assert with_needs(event, self.ended(), AUTO) is event

    def test_while_nothing_is_known_only_the_longest_seats_may_take_it(self) -> None:
        assert self.need(self.ended(ENOUGH - 1), offered(9)) == 6000

    def test_then_it_says_how_long_it_may_take(self) -> None:
        assert self.need(self.ended(), offered(9)) == 113  # 1.25 x 90 s

    def test_nothing_needs_more_than_a_new_seat_has(self) -> None:
        assert self.need(self.ended(), offered(9), max_time_s=100) == 100

    def test_what_saved_nothing_gets_twice_the_time(self) -> None:
        out = replace(lost(9, "time_limit", job_id="9"), time_had_s=300)
        state = state_after([*running(*range(10)), *self.ends(ENOUGH), out])
        assert self.need(state, offered(9, 1)) == 420
        assert has_longer(state.trials[9], AUTO)
        assert not has_longer(state.trials[9], replace(AUTO, max_time_s=210))
        assert has_longer(state.trials[9], replace(AUTO, learn_time=False))
        assert not has_longer(state.trials[9], replace(AUTO, learn_time=False, timed=False))

    def test_what_a_seat_took_for_the_rest_of_its_time_is_not_given_up(self) -> None:
        limits = replace(AUTO, learn_time=False, max_time_s=usable_s(120))
        for had_min, expected in ((15, ev.LegOffered), (120, ev.TrialFailed)):
            out = replace(lost(0, "time_limit", job_id="0"), time_had_s=60 * had_min)
            state = state_after([*running(0), out])
            decision = Scheduler(ListedSearch(1), limits).decide(state, NOW)[0]
            assert isinstance(decision, expected)

    def test_what_was_saved_before_the_limit_tells_the_trials_own_pace(self) -> None:
        out = replace(lost(9, "time_limit", job_id="9", saved=3), time_had_s=300)
        state = state_after([*running(*range(10)), *self.ends(ENOUGH), out])
        assert self.need(state, offered(9, 1)) == 630  # 6 of 9 are left, 1.5 x 70 s each
        assert len(state.pace.legs) == ENOUGH

    def test_a_leg_that_left_and_had_got_nowhere_needs_longer(self) -> None:
        left = finished(9, None, job_id="9", outcome="interrupted", resource=0, elapsed=70)
        state = state_after([*running(*range(10)), *self.ends(ENOUGH), left])
        assert self.need(state, offered(9, 1)) == 140

    def test_other_losses_and_failures_say_nothing_of_the_time(self) -> None:
        preempted = replace(lost(9, job_id="9", saved=3), time_had_s=300)
        broken = finished(8, None, job_id="8", outcome="failed", cause="ValueError", resource=5)
        state = state_after([*running(*range(10)), *self.ends(ENOUGH), preempted, broken])
        assert state.trials[9].trained == state.trials[8].trained == 0
        assert len(state.pace.legs) == ENOUGH

    def test_a_limit_whose_length_nobody_told_counts_as_what_was_offered(self) -> None:
        offer = replace(offered(0), time_s=500)
        events: list[ev.Event] = [ev.CampaignStarted(NOW), drawn(0), offer, claimed(0)]
        state = state_after([*events, lost(0, "time_limit")])
        assert state.trials[0].outlasted_s == 500

    def test_one_that_was_offered_without_a_time_had_no_more_than_it_ran(self) -> None:
        """Else it would be offered for ever, each time as if it could have more."""
        limits = replace(AUTO, learn_time=False)
        state = state_after(
            [*running(0), replace(lost(0, "time_limit", job_id="0"), time=NOW + 6000.0)]
        )
        assert state.trials[0].outlasted_s == 6000
        assert not has_longer(state.trials[0], limits)


def test_what_legs_usually_took() -> None:
    made = pace((0, 0, 1, 10.0), (1, 0, 1, 30.0), (2, 1, 2, 0.0))
    usual = made.usual()
    assert usual.seconds(0, 5) == 20.0, "as others to that rung, however long"
    assert usual.seconds(1, 5) == 0.0
    assert usual.seconds(7, 3) == 30.0, "10 s for a unit"
    assert usual.seconds(7, None) == pytest.approx(40.0 / 3)
    assert usual.spread == pytest.approx((0.5 / 3) ** 0.5)
    assert made.usual() is usual
    made.add(LegTime(3, 0, 1, 50.0))
    assert made.usual().seconds(0, 1) == 30.0
