"""How long a seat stays."""

from __future__ import annotations

from hpo.record.result import Outcome
from hpo.seats.stay import Stay


def after(stay: Stay, *statuses: str, seconds: float = 10.0, now: float = 0.0) -> str | None:
    """Why no leg follows when one has ended so, and another, …"""
    for status in statuses:
        stay.took()
        stay.ended(Outcome(status), seconds, now)
    return stay.over


def test_with_auto_it_stays_as_long_as_it_succeeds() -> None:
    assert after(Stay.of("auto", None), *["completed", "paused"] * 50) is None


def test_it_takes_as_many_legs_as_it_may() -> None:
    assert after(Stay.of(3, None), "completed", "completed") is None
    assert "trials_per_job" in str(after(Stay.of(3, None), *["completed"] * 3))


def test_failures_in_a_row_end_it_and_a_good_end_starts_the_count_again() -> None:
    assert after(Stay.of("auto", None), "failed", "failed", "paused", "failed", "failed") is None
    assert "3 of its trials failed in a row" in str(after(Stay.of("auto", None), *["failed"] * 3))


def test_a_leg_that_was_asked_to_leave_is_the_last() -> None:
    assert "asked to leave" in str(after(Stay.of("auto", None), "interrupted"))


def test_it_begins_no_leg_that_is_longer_than_what_is_left() -> None:
    stay = Stay.of("auto", 1000.0)
    assert after(stay, "completed", seconds=100.0, now=800.0) is None
    assert stay.time_s(800.0) == 200
    assert "100 s left" not in str(after(stay, "completed", seconds=300.0, now=899.0))
    assert "(50 s left)" in str(after(stay, "completed", seconds=300.0, now=950.0))
    assert stay.time_s(2000.0) == 1  # 0 would mean that there is no end
    assert Stay.of("auto", None).time_s(2000.0) is None
