"""How long a trial may report nothing before it is taken as hanging."""

from __future__ import annotations

import pytest

from hpo.seats.silence import AUTO, Known, allowed_leaving_s, allowed_s, longest_silence_s


class TestAllowed:
    def test_a_number_of_seconds_is_obeyed_as_it_is(self) -> None:
        assert allowed_s(60, Known(own=5000.0), busy=True) == 60.0

    def test_before_anything_has_reported_hours_are_allowed(self) -> None:
        assert allowed_s(AUTO, Known()) >= 6 * 3600

    @pytest.mark.parametrize("known", [Known(1.0), Known(1.0, 2.0), Known(119.0)])
    def test_never_less_than_ten_minutes(self, known: Known) -> None:
        assert allowed_s(AUTO, known) == 600.0

    @pytest.mark.parametrize("known", [Known(1000.0), Known(1.0, 1000.0), Known(1000.0, 1.0)])
    def test_long_epochs_get_a_multiple_of_the_slowest(self, known: Known) -> None:
        assert allowed_s(AUTO, known) == 5000.0

    def test_the_first_report_may_take_longer(self) -> None:
        assert allowed_s(AUTO, Known(others=1.0)) == 1800.0
        assert allowed_s(AUTO, Known(others=1000.0)) == 20_000.0

    def test_what_still_computes_may_take_longer(self) -> None:
        assert allowed_s(AUTO, Known(1.0), busy=True) == 3600.0
        assert allowed_s(AUTO, Known(), busy=True) == 3 * 24 * 3600.0


def test_what_was_asked_to_leave_gets_a_few_of_its_epochs() -> None:
    assert allowed_leaving_s(Known()) == 600.0
    assert allowed_leaving_s(Known(1.0)) == 60.0
    assert allowed_leaving_s(Known(100.0, 1.0)) == 300.0


@pytest.mark.parametrize(
    ("times", "longest"),
    [([], 10.0), ([101.0, 102.0], 8.0), ([107.0, 109.0], 7.0), ([50.0, 104.0, 900.0], 6.0)],
)
def test_the_longest_silence_counts_from_the_start_to_the_end(
    times: list[float], longest: float
) -> None:
    assert longest_silence_s(times, 100.0, 110.0) == longest


def test_a_clock_that_was_set_back_makes_no_silence() -> None:
    assert longest_silence_s([90.0], 100.0, 90.0) == 0.0
