"""Curves made of text."""

from __future__ import annotations

import math

import pytest

from hpo.watch.drawing import curve


def test_a_falling_curve_begins_at_the_top_left_and_ends_at_the_bottom_right() -> None:
    lines = curve([(0, 1.0), (10, 0.5)], 40, 6)
    assert lines[0].startswith("  1 │⠉")
    assert lines[4].startswith("0.5 │ ")
    assert len(lines[4]) == 40
    assert lines[5].startswith("    └0 ")
    assert lines[5].endswith(" 10")


def test_steps_hold_and_areas_are_filled() -> None:
    full = curve([(0, 0), (5, 2), (10, 2)], 30, 5, steps=True, filled=True, from_zero=True)
    top = full[0].partition("│")[2]
    assert top.lstrip(" ").rstrip() == "⣿" * len(top.strip(" "))
    assert len(top.strip(" ")) == pytest.approx(len(top) / 2, abs=1)


def test_a_wide_range_is_drawn_logarithmically_and_says_so() -> None:
    assert "(logarithmic)" in curve([(1, 100.0), (2, 1.0)], 40, 6)[-1]
    assert "(logarithmic)" not in curve([(1, 100.0), (2, -1.0)], 40, 6)[-1]
    assert "(logarithmic)" not in curve([(1, 100.0), (2, 1.0)], 40, 6, from_zero=True)[-1]


@pytest.mark.parametrize(
    "points",
    [
        [(1.0, 3.0)],
        [(1.0, 3.0), (2.0, 3.0)],
        [(1.0, math.nan), (2.0, 3.0), (3.0, math.inf)],
        [(5.0, 1.0), (5.0, 2.0)],
        [(0.0, 1e-300), (1.0, 1e300)],
    ],
)
def test_odd_points(points: list[tuple[float, float]]) -> None:
    for width in (13, 14, 40, 200):
        for height in (2, 3, 10):
            lines = curve(points, width, height)
            assert len(lines) in (0, height)
            assert all(len(line) <= width for line in lines)


def test_nothing_to_draw_and_no_room() -> None:
    assert curve([], 40, 10) == []
    assert curve([(1.0, math.nan)], 40, 10) == []
    assert curve([(1.0, 2.0)], 10, 10) == []
