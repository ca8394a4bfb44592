"""Axes that show most values, units, and numbers for people."""

from __future__ import annotations

import pytest

from hpo.record.goal import Goal
from hpo.report.page.scales import axis_of, hours_text, unit_of

MIN, MAX = Goal("loss"), Goal("accuracy", "max")


def test_without_values_there_is_no_axis() -> None:
    assert axis_of([], MIN) is None


@pytest.mark.parametrize("values", [[0.5], [0.0], [0.5, 0.5], [-3.0, 4.0], [0.2, 0.3, 0.4]])
@pytest.mark.parametrize("goal", [MIN, MAX])
def test_all_usual_values_are_inside(values: list[float], goal: Goal) -> None:
    axis = axis_of(values, goal)
    assert axis is not None
    assert axis.low < axis.high
    assert axis.low <= min(values) <= max(values) <= axis.high
    assert axis.outside == 0
    assert not axis.is_log


def test_what_is_far_worse_is_outside() -> None:
    values = [0.1 + 0.01 * n for n in range(50)]
    axis = axis_of([*values, 1e9, 1e12], MIN)
    assert axis is not None
    assert axis.outside == 2
    assert axis.high < 1.0
    assert axis.low >= 0.0
    worst_low = axis_of([*(1 - value for value in values), -1e9], MAX)
    assert worst_low is not None
    assert worst_low.outside == 1
    assert worst_low.low > -3.0


def test_what_is_far_better_never_is() -> None:
    axis = axis_of([*[5.0 + 0.01 * n for n in range(50)], 0.001], MIN)
    assert axis is not None
    assert axis.low <= 0.001
    assert axis.outside == 0


def test_decades_make_it_logarithmic() -> None:
    axis = axis_of([10.0**-n for n in range(5)], MIN)
    assert axis is not None
    assert axis.is_log
    assert 0 < axis.low < 1e-4
    assert axis.high > 1
    signed = axis_of([-1.0, *[10.0**-n for n in range(5)]], MIN)
    assert signed is not None
    assert not signed.is_log


@pytest.mark.parametrize(
    ("seconds", "name"), [(0, "s"), (179, "s"), (600, "min"), (90_000, "h"), (1e6, "days")]
)
def test_units_fit_the_span(seconds: float, name: str) -> None:
    assert unit_of(seconds).name == name


@pytest.mark.parametrize(("hours", "text"), [(271.23, "271.2"), (1.234, "1.23"), (0.0123, "0.012")])
def test_hours_have_the_places_that_they_need(hours: float, text: str) -> None:
    assert hours_text(hours) == text
