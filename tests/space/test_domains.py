"""Domains: every value belongs to its domain, and quantiles rise."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpo.space.base import Domain, describe
from hpo.space.domains import (
    choice,
    constant,
    lograndint,
    loguniform,
    ordinal,
    quantized,
    randint,
    uniform,
)
from hpo.space.written import as_domain
from hpo.values import canonical, plain

LAST = math.nextafter(1.0, 0.0)
units = st.floats(0.0, LAST)

NUMBERS = {
    "uniform": uniform(-3, 4.5),
    "loguniform": loguniform(1e-4, 1e-2),
    "randint": randint(-2, 5),
    "lograndint": lograndint(1, 1000),
    "quantized uniform": quantized(uniform(0, 1), 0.05),
    "quantized inside its bounds": quantized(uniform(0.03, 0.97), 0.1),
    "quantized loguniform": quantized(loguniform(0.1, 100), 0.1),
    "quantized randint": quantized(randint(3, 100), 8),
    "quantized norm": quantized(stats.norm(0, 1), 0.25),
    "quantized expon": quantized(stats.expon(1), 0.5),
    "scipy loguniform": as_domain(stats.loguniform(1e-4, 1e-2)),
    "scipy norm": as_domain(stats.norm(0, 1)),
    "scipy cauchy": as_domain(stats.cauchy()),
    "scipy truncnorm": as_domain(stats.truncnorm(-math.inf, 1)),
    "scipy randint": as_domain(stats.randint(2, 5)),
    "scipy poisson": as_domain(stats.poisson(3.5)),
    "scipy geometric, moved": as_domain(stats.geom(0.3, loc=10)),
    "scipy listed": as_domain(stats.rv_discrete(values=([1, 2, 7], [0.5, 0.0, 0.5]))(loc=1)),
}
LISTS = {
    "choice": choice(["adam", "sgd", None, True]),
    "lists": as_domain([[1024, 512], [2048, 1024]]),
    "ordinal": ordinal(["small", "medium", "large"]),
    "constant": as_domain(3883),
}
DOMAINS = NUMBERS | LISTS

every_domain = pytest.mark.parametrize("domain", DOMAINS.values(), ids=DOMAINS.keys())
every_number = pytest.mark.parametrize("domain", NUMBERS.values(), ids=NUMBERS.keys())


@every_domain
@given(u=units)
def test_every_quantile_is_a_plain_value_of_its_domain(domain: Domain, u: float) -> None:
    assert domain.problems() == []
    value = domain.value(u)
    assert domain.contains(value)
    assert domain.nearest(value) == value
    assert type(value) in (int, float, str, bool, list, type(None))
    assert json.loads(json.dumps(value, allow_nan=False)) == value


@every_number
@given(u=units, v=units)
def test_quantiles_rise(domain: Domain, u: float, v: float) -> None:
    assert domain.value(min(u, v)) <= domain.value(max(u, v))


@every_domain
def test_the_midpoint_is_a_value(domain: Domain) -> None:
    assert domain.contains(domain.midpoint())


@every_domain
def test_a_domain_lists_as_many_values_as_it_says_and_no_value_twice(domain: Domain) -> None:
    if domain.size is None:
        with pytest.raises(TypeError, match="has no 0-th value"):
            domain.at(0)
    else:
        listed = [domain.at(index) for index in range(domain.size)]
        assert all(domain.contains(value) for value in listed)
        assert len({canonical(value) for value in listed}) == domain.size
        drawn = {canonical(domain.value(u)) for u in np.linspace(0, LAST, 1000).tolist()}
        assert drawn <= {canonical(value) for value in listed}


@every_domain
def test_the_description_is_standard_json(domain: Domain) -> None:
    document = domain.to_json()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert describe(domain).startswith(f"{document['type']}(")


@pytest.mark.parametrize(
    ("domain", "other"),
    [(loguniform(1e-4, 1e-2), stats.loguniform(1e-4, 1e-2)), (uniform(1, 3), stats.uniform(1, 2))],
)
def test_continuous_domains_have_the_distribution_of_scipy(domain: Domain, other: Any) -> None:
    draws = [domain.value(u) for u in np.random.default_rng(1).random(2000).tolist()]
    assert stats.kstest(draws, other.cdf).pvalue > 0.001
    assert [domain.value(u) for u in (0.1, 0.5, 0.9)] == pytest.approx(other.ppf([0.1, 0.5, 0.9]))


def test_randint_includes_its_upper_end_and_scipys_does_not() -> None:
    assert randint(1, 3).value(LAST) == 3
    assert [randint(1, 3).at(index) for index in range(3)] == [1, 2, 3]
    assert as_domain(stats.randint(1, 3)).value(LAST) == 2


def test_lograndint_gives_its_ends_their_share() -> None:
    draws = [lograndint(1, 10).value(u) for u in np.linspace(0, LAST, 20_000).tolist()]
    shares = np.bincount(draws, minlength=11)[1:] / len(draws)
    expected = [math.log((k + 0.5) / (k - 0.5)) / math.log(21) for k in range(1, 11)]
    assert shares == pytest.approx(expected, abs=1e-3)


def test_quantized_values_have_no_float_noise() -> None:
    domain = quantized(uniform(0, 1), 0.05)
    assert domain.size == 21
    assert [domain.at(k) for k in range(21)] == [float(f"{0.05 * k:.2f}") for k in range(21)]
    assert not domain.contains(0.07)
    assert not domain.contains("0.05")
    assert not domain.contains(math.inf)
    assert quantized(randint(0, 20), 8).value(0.99) == 16
    assert type(quantized(randint(0, 20), 8).value(0.5)) is int


def test_half_open_grids_end_where_the_distribution_ends() -> None:
    assert quantized(stats.expon(1), 0.5).value(0.0) == 1.0
    assert quantized(stats.weibull_max(1), 0.5).value(LAST) == 0.0


def test_a_choice_starts_in_the_middle_only_when_it_has_an_order() -> None:
    assert choice([1, 2, 3]).midpoint() == 1
    assert ordinal([1, 2, 3]).midpoint() == 2


def test_a_value_listed_twice_is_drawn_twice_as_often_and_counted_once() -> None:
    domain = choice([16, 16, 32])
    assert domain.size == 2
    assert [domain.value(u) for u in (0.1, 0.5, 0.9)] == [16, 16, 32]


@pytest.mark.parametrize(
    ("domain", "foreign"),
    [
        (uniform(0, 1), True),
        (uniform(0, 1), 1.5),
        (uniform(0, 1), "0.5"),
        (randint(1, 3), 1.5),
        (randint(1, 3), 4),
        (choice([0, 1]), True),
        (choice([0, 1]), {1}),
        (constant([1, 2]), 1),
        (as_domain(stats.norm(0, 1)), "1"),
        (as_domain(stats.poisson(3)), 1.5),
        (DOMAINS["scipy listed"], 3),
    ],
)
def test_foreign_values_are_not_in_the_domain(domain: Domain, foreign: object) -> None:
    assert not domain.contains(foreign)


def test_equal_numbers_are_equal_values() -> None:
    assert choice([0.1, 1.0]).contains(1)
    assert canonical({"b": 1.0, "a": [2.0]}) == '{"a":[2],"b":1}'
    assert canonical(True) != canonical(1)


def test_plain_lists_tuples_ranges_and_arrays_are_choices() -> None:
    for raw in ([8, 16], range(8, 17, 8), np.array([8, 16])):
        assert as_domain(raw).to_json() == {"type": "choice", "values": [8, 16]}
    assert as_domain(np.float32(0.5)).to_json() == {"type": "constant", "value": 0.5}
    assert constant([1, 2]).value(0.3) == constant([1, 2]).at(0) == [1, 2]
    assert as_domain(("a", "b", "c")).to_json() == {"type": "choice", "values": ["a", "b", "c"]}
    assert as_domain({"a": np.int64(2)}).to_json() == {"type": "constant", "value": {"a": 2}}


def test_a_scipy_distribution_is_the_same_however_its_parameters_are_given() -> None:
    one, other = stats.loguniform(1e-4, 1e-2), stats.loguniform(b=1e-2, a=1e-4)
    assert as_domain(one).to_json() == as_domain(other).to_json()
    assert as_domain(one).to_json() == {"type": "scipy.stats.loguniform", "a": 1e-4, "b": 1e-2}


def test_distributions_made_from_data_are_told_apart() -> None:
    first = stats.rv_histogram(np.histogram([1, 2, 2, 3], bins=3), density=True)()
    second = stats.rv_histogram(np.histogram([1, 2, 3, 3], bins=3), density=True)()
    assert as_domain(first).to_json() != as_domain(second).to_json()

    class Triangle(stats.rv_continuous):  # type: ignore[misc]  # because scipy has no types
        def _ppf(self, q: Any) -> Any:
            return np.sqrt(q)

    assert "quantiles" in as_domain(Triangle(a=0, b=1, name="triangle")()).to_json()


def test_plain_copies_what_numpy_gives() -> None:
    assert plain(np.array([[1, 2]])) == [[1, 2]]
    assert type(plain(np.str_("a"))) is str
    assert type(plain(np.bool_(True))) is bool
