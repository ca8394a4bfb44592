"""Spaces: bad ones say all that is wrong, good ones list each configuration once."""

from __future__ import annotations

import math
from typing import Any

import pytest
from scipy import stats

from hpo.space.domains import choice, constant, lograndint, loguniform, quantized, randint, uniform
from hpo.space.space import read_space
from hpo.values import canonical


def wrong(value: object) -> Any:
    """What a user may give and no type checker lets through."""
    return value


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "empty list"),
        (choice([]), "empty list"),
        (uniform(2, 1), "low must be below high, but 2.0 >= 1.0"),
        (randint(3, 3), "low must be below high, but 3 >= 3"),
        (loguniform(0, 1), "cannot start at 0.0"),
        (lograndint(0, 9), "low be at least 1"),
        (uniform(wrong("1e-4"), 1), "low must be a number, not '1e-4'"),
        (uniform(True, 2), "low must be a number, not True"),
        (uniform(0, math.inf), "high must be finite"),
        (uniform(0, 10**400), "high must be finite"),
        (uniform(-1.7e308, 1.7e308), "too far apart"),
        (randint(1, wrong(2.5)), "high must be a whole number"),
        (randint(0, 2**60), "beyond 2**53"),
        (quantized(choice([1, 2]), 1), "needs a domain of numbers"),
        (quantized(uniform(2, 1), 1), "low must be below high"),
        (quantized(uniform(0, 1), 0), "step must be a number above 0"),
        (quantized(uniform(0, 1), wrong("1")), "step must be a number above 0"),
        (quantized(randint(0, 9), 0.5), "step must be a whole number"),
        (quantized(uniform(0.1, 0.4), 0.5), "no multiple of 0.5 lies between 0.1 and 0.4"),
        (stats.loguniform(0, 1), "a logarithmic scale needs 0 < a < b"),
        (stats.norm(0, -1), "no finite quantiles"),
        (stats.norm([0, 1], 1), "cannot compute its quantiles"),
        (stats.norm("a", 1), "cannot compute its quantiles"),
        (stats.norm, "scipy.stats.norm lacks its parameters"),
        ({1, 2}, "use a list"),
        ([1, {2}], "type set"),
        ([1, math.nan], "nan is not a finite number"),
        (math.inf, "inf is not a finite number"),
        (print, "builtin_function_or_method"),
        ({1: 2}, "a mapping's keys must be text"),
        (choice("adam"), None),
        (choice(wrong(3)), None),
    ],
)
def test_bad_domains_say_what_is_wrong(raw: object, message: str | None) -> None:
    _, problems = read_space({"x": raw})
    if message is None:
        assert problems == []
    else:
        assert len(problems) == 1
        assert problems[0].startswith("x: ")
        assert message in problems[0]


def test_scipys_new_distributions_are_refused_with_advice() -> None:
    class Normal:
        def icdf(self, u: float) -> float:
            return u

    assert "scipy's new kind" in read_space({"x": Normal()})[1][0]


@pytest.mark.parametrize("name", [7, "", "  ", "a\nb", "a\x1b[1m"])
def test_a_name_that_cannot_be_read_is_a_problem(name: object) -> None:
    assert len(read_space({wrong(name): 1})[1]) == 1


@pytest.mark.parametrize("name", ["lambda", "learning rate", "2nd", "batch-size", "optimizer.lr"])
def test_any_text_is_a_name(name: str) -> None:
    space, problems = read_space({name: [1, 2]})
    assert problems == []
    assert space.config([0.9]) == {name: 2}


def test_all_problems_of_a_space_are_found_at_once() -> None:
    space, problems = read_space(
        {"a": [], "b": uniform(2, 1), "": 1, "c": loguniform(0, 1), "fine": [1, 2]}
    )
    assert [problem.partition(":")[0] for problem in problems] == ["a", "b", "", "c"]
    assert list(space.domains) == ["fine"]
    assert read_space({})[1] == ["the space is empty: name at least one hyperparameter"]


def test_a_space_enumerates_each_configuration_once() -> None:
    space, problems = read_space({"b": [1, 2], "a": randint(1, 3), "c": 5})
    assert problems == []
    assert space.size == 6
    assert list(space.domains) == ["a", "b", "c"]
    assert space.free == ("a", "b")
    everything = [space.enumerate(index) for index in range(6)]
    assert everything[0] == {"a": 1, "b": 1, "c": 5}
    assert everything[-1] == {"a": 3, "b": 2, "c": 5}
    assert len({canonical(config) for config in everything}) == 6
    assert all(space.contains(config) for config in everything)
    with pytest.raises(IndexError, match="not in a space of 6"):
        space.enumerate(6)


def test_an_endless_space_has_no_size() -> None:
    space, _ = read_space({"lr": uniform(0, 1), "n": [1, 2]})
    assert space.size is None
    assert space.config([0.25, 0.9]) == {"lr": 0.25, "n": 2}
    assert space.midpoint() == {"lr": 0.5, "n": 1}
    assert not space.contains({"lr": 0.5})
    assert space.to_json()["n"] == {"type": "choice", "values": [1, 2]}
    with pytest.raises(TypeError, match="finite"):
        space.enumerate(0)


def test_what_is_the_same_in_all_configurations_is_known() -> None:
    space, _ = read_space({"lr": uniform(0, 1), "data": constant("here"), "max_epochs": 9})
    assert space.constants == {"data": "here", "max_epochs": 9}
