"""Configurations as points and back, in spaces of all kinds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from searches import FINITE, MIXED, NUMBERS, SPACES, space_of

from hpo.search.coding import Coding
from hpo.search.random import AsyncRandomSearch
from hpo.space.domains import lograndint, randint
from hpo.values import canonical


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32), trial_id=st.integers(0, 10**6))
def test_a_configuration_is_a_point_and_the_point_is_that_configuration(
    name: str, seed: int, trial_id: int
) -> None:
    space = SPACES[name]
    coding = Coding(space)
    config = AsyncRandomSearch(space, seed).suggest(trial_id, ())
    assert config is not None
    point = np.array(coding.point(config), dtype=float)
    assert len(point) == len(coding)
    found = coding.config(point)
    assert space.contains(found)
    assert coding.point(found) == pytest.approx(coding.point(config), nan_ok=True)
    if space is FINITE:
        assert found == config


@pytest.mark.parametrize("name", SPACES)
@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_drawn_points_are_those_of_configurations(name: str, seed: int) -> None:
    space = SPACES[name]
    coding = Coding(space)
    for point in coding.random(np.random.default_rng(seed), 5):
        config = coding.config(point)
        assert space.contains(config)
        assert np.isnan(coding.point(config)).tolist() == np.isnan(point).tolist()


def test_a_logarithmic_number_is_even_and_a_category_is_its_number() -> None:
    assert Coding(NUMBERS).point({"lr": 0.01, "momentum": 0.25}) == pytest.approx([0.5, 0.25])
    space = space_of({"a": ["x", "y", "z"]})
    assert Coding(space).point({"a": "z"}) == [2.0]


def test_what_belongs_to_another_option_is_not_there() -> None:
    coding = Coding(MIXED)
    config = MIXED.midpoint()
    config["optimizer"] = {"name": "adam", "deep": {"beta": {"b": 0.01}}}
    point = dict(zip([a.under for a in coding.axes], coding.point(config), strict=True))
    options = next(k for k, axis in enumerate(coding.axes) if axis.n_categories == 3)
    deep = next(k for k, axis in enumerate(coding.axes) if axis.under == (options, 1))
    assert np.isnan(point[options, 0])
    assert point[options, 1] == 0
    assert point[deep, 0] == pytest.approx(0.5)


def test_a_value_that_is_listed_twice_is_drawn_twice_as_often() -> None:
    coding = Coding(space_of({"a": ["x", "y", "x"]}))
    drawn = coding.random(np.random.default_rng(0), 3000)[:, 0]
    assert np.mean(drawn == 0) == pytest.approx(2 / 3, abs=0.05)


def test_all_values_of_a_long_domain_can_be_drawn() -> None:
    space = space_of({"n": randint(0, 10**6), "m": lograndint(1, 10**5), "p": stats.poisson(4)})
    coding = Coding(space)
    configs = [coding.config(p) for p in coding.random(np.random.default_rng(0), 200)]
    assert all(space.contains(config) for config in configs)
    assert len({canonical(config) for config in configs}) == 200


def test_what_is_missing_is_drawn_where_the_options_want_it() -> None:
    coding = Coding(MIXED)
    points = np.full((50, len(coding)), np.nan)
    drawn = coding.filled(np.random.default_rng(0), points)
    assert all(MIXED.contains(coding.config(point)) for point in drawn)
