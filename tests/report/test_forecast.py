"""When a campaign will end, and how sure that is."""

from __future__ import annotations

import pytest
from histories import NOW, finished, lost, offered, running, state_after

from hpo.decisions.needs import ComingLeg
from hpo.record import events as ev
from hpo.record.state import CampaignState, apply
from hpo.report.forecast import Forecast, forecast

TO_COME = {ComingLeg(0, 9): 40}


def after(*took_s: float) -> CampaignState:
    """Legs that took so long have ended, and two run."""
    ids = range(len(took_s) + 2)
    events: list[ev.Event] = [*running(*ids)]
    for trial_id, seconds in enumerate(took_s):
        events += [finished(trial_id, 0.5, job_id=str(trial_id), elapsed=seconds)]
    return state_after(events)


def found(state: CampaignState, **more: list[int]) -> Forecast:
    told = forecast(state, TO_COME, NOW, **more)
    assert told is not None
    for band in (told.end_s, told.seat_s):
        assert 0 < band.low <= band.usual <= band.high
    return told


def test_nothing_is_foretold_of_too_little() -> None:
    assert forecast(after(10.0, 10.0), TO_COME, NOW) is None
    assert forecast(state_after([ev.CampaignStarted(NOW)]), TO_COME, NOW) is None


def test_legs_that_are_all_alike_leave_no_doubt() -> None:
    told = found(after(*[10.0] * 5))
    assert told.seat_s.usual == told.seat_s.low == told.seat_s.high == 420.0
    assert told.end_s.usual == told.end_s.low == told.end_s.high == 210.0


def test_legs_that_vary_widen_the_band_and_more_of_them_narrow_it() -> None:
    few, many = found(after(5.0, 15.0, 5.0, 15.0)), found(after(*[5.0, 15.0] * 20))
    assert few.seat_s.usual == many.seat_s.usual == 420.0
    assert few.seat_s.low < many.seat_s.low < 420.0 < many.seat_s.high < few.seat_s.high
    assert few.end_s.low < 210.0 < few.end_s.high


def test_the_end_is_as_unsure_as_the_number_of_seats_was() -> None:
    state = after(*[10.0] * 5)
    told = found(state, seen_running=[1, 1, 2, 4, 4, 4])
    assert (told.end_s.low, told.end_s.usual, told.end_s.high) == (105.0, 210.0, 420.0)
    assert found(state, seen_running=[0, 0, 0]).end_s.high == 420.0


def test_work_that_was_lost_may_be_lost_again() -> None:
    state = after(*[10.0] * 5)
    state.seat_seconds, state.lost.seconds = 100.0, 20.0
    assert found(state).seat_s.high == pytest.approx(420.0 * 1.25)
    state.seat_seconds = 20.0
    assert found(state).seat_s.high == 420.0


def test_a_leg_longer_than_expected_and_one_that_is_offered_count() -> None:
    state = after(*[10.0] * 5)
    assert forecast(state, {}, NOW + 5.0) == forecast(state, {}, NOW + 5.0, [])
    late = forecast(state, {}, NOW + 100.0)
    assert late is not None
    assert late.end_s.high == 0.0
    for event in (lost(6, job_id="6"), offered(6, 1)):
        apply(state, event)
    told = forecast(state, {}, NOW)
    assert told is not None
    assert told.end_s.usual == 20.0


def test_legs_that_took_no_time_foretell_nothing_odd() -> None:
    told = forecast(after(0.0, 0.0, 0.0), TO_COME, NOW)
    assert told is not None
    assert told.end_s.usual == told.end_s.high == 0.0
