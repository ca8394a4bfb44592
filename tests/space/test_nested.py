"""Mappings in a space are searched, and the options of a choice bring their own hyperparameters."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import stats

from hpo.search.random import AsyncRandomSearch, point_problems, whole_points
from hpo.space.domains import choice, constant, loguniform, quantized, randint, uniform
from hpo.space.space import Space, read_space
from hpo.space.written import MOST_LISTED
from hpo.values import canonical

NESTED = {
    "optimizer": {"lr": loguniform(1e-4, 1e-1), "momentum": [0.0, 0.9], "name": "sgd"},
    "max_epochs": 2,
}
CONDITIONAL = {
    "optimizer": [
        {"name": "adam", "lr": loguniform(1e-4, 1e-2), "betas": constant([0.9, 0.999])},
        {"name": "sgd", "lr": loguniform(1e-3, 1e-1), "momentum": choice([0.0, 0.9])},
        "none",
    ],
    "max_epochs": 2,
}


def sound(raw: dict[str, Any]) -> Space:
    space, problems = read_space(raw)
    assert problems == []
    return space


def drawn(space: Space, count: int = 40) -> list[dict[str, Any]]:
    search = AsyncRandomSearch(space, seed=1)
    return [search.suggest(number, taken=()) or {} for number in range(count)]


def test_what_a_mapping_holds_is_searched() -> None:
    space = sound(NESTED)
    configs = drawn(space)
    inner = [config["optimizer"] for config in configs]
    assert len({each["lr"] for each in inner}) == len(configs)
    assert {each["momentum"] for each in inner} == {0.0, 0.9}
    assert {each["name"] for each in inner} == {"sgd"}
    assert all(1e-4 <= each["lr"] <= 1e-1 for each in inner)
    assert all(space.contains(json.loads(json.dumps(config))) for config in configs)
    assert (space.size, space.free) == (None, ("optimizer",))


def test_the_quantiles_below_a_mapping_are_even_and_do_not_hang_together() -> None:
    space = sound({"x": {"a": uniform(0, 1), "b": uniform(0, 1)}})
    pairs = np.array([list(config["x"].values()) for config in drawn(space, 2000)])
    assert stats.kstest(pairs[:, 0], "uniform").pvalue > 0.001
    assert stats.kstest(pairs[:, 1], "uniform").pvalue > 0.001
    assert abs(np.corrcoef(pairs.T)[0, 1]) < 0.1


def test_hyperparameters_of_an_option_are_there_only_where_it_is_chosen() -> None:
    space = sound(CONDITIONAL)
    configs = [config["optimizer"] for config in drawn(space)]
    adam = [each for each in configs if each != "none" and each["name"] == "adam"]
    sgd = [each for each in configs if each != "none" and each["name"] == "sgd"]
    assert len(adam) > 5
    assert len(sgd) > 5
    assert "none" in configs
    assert all(each.keys() == {"name", "lr", "betas"} for each in adam)
    assert all(each["betas"] == [0.9, 0.999] and each["lr"] <= 1e-2 for each in adam)
    assert all(each.keys() == {"name", "lr", "momentum"} for each in sgd)
    assert all(space.contains({"optimizer": each, "max_epochs": 2}) for each in configs)
    assert space.size is None
    assert space.midpoint()["optimizer"]["name"] == "adam"


def test_a_finite_nested_space_is_tried_whole_and_once() -> None:
    space = sound({"a": [{"k": "x", "n": randint(1, 3)}, {"k": "y"}, 7], "b": {"c": [1, 2]}})
    assert space.size == 10
    keys = {canonical(space.enumerate(index)) for index in range(10)}
    assert len(keys) == 10
    assert all(space.contains(space.enumerate(index)) for index in range(10))
    search = AsyncRandomSearch(space, 0)
    taken: set[str] = set()
    for number in range(10):
        taken.add(canonical(search.suggest(number, taken)))
    assert taken == keys
    assert search.suggest(10, taken) is None
    with pytest.raises(TypeError, match="no such value"):
        space.domains["a"].at(5)


def test_a_mapping_of_constants_is_one_and_a_list_of_such_is_a_choice() -> None:
    space = sound(
        {"a": {"b": {"c": constant([1, 2])}, "d": 3}, "e": [{"f": [1, 2]}, {"f": [3]}], "g": {}}
    )
    assert space.to_json() == {
        "a": {"type": "constant", "value": {"b": {"c": [1, 2]}, "d": 3}},
        "e": {"type": "choice", "values": [{"f": [1, 2]}, {"f": [3]}]},
        "g": {"type": "constant", "value": {}},
    }


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({"lr": uniform(2, 1)}, "x.lr: low must be below high"),
        ({"a": {"b": []}}, "x.a.b: an empty list"),
        ({"a": {1, 2}}, "x.a: a value of type set"),
        ([{"lr": uniform(2, 1)}, 1], "x[0].lr: low must be below high"),
        ([uniform(0, 1), 3], "x[0]: a list holds values, no domains"),
        ([1, {2}, {"a": uniform(0, 1)}], "x[1]: a value of type set"),
        (
            [{"lr": uniform(0, 1), "betas": [0.9, 0.999]}],
            "x[0].betas: write choice([0.9, 0.999]) to draw one of them, or constant(",
        ),
        ((1e-4, 1e-1), "x: (0.0001, 0.1) may be a range or a choice of values: write uniform("),
        ((1e-4, 1e-1, "log-uniform"), "may be a range or a choice"),
        ({"lr": (1, 2)}, "x.lr: (1, 2) may be a range"),
        (range(10**30), f"x: a range of {10**30} values: write randint(0, {10**30 - 1})"),
        (range(0, -(MOST_LISTED + 1), -1), f"a range of {MOST_LISTED + 1} values"),
    ],
)
def test_what_is_wrong_below_is_told_with_its_place(raw: object, message: str) -> None:
    _, problems = read_space({"x": raw})
    assert len(problems) == 1
    assert message in problems[0]


def test_points_are_completed_below_mappings_and_in_the_option_they_fit() -> None:
    space = sound(CONDITIONAL | {"model": {"width": [8, 16], "depth": 3}})
    points: list[dict[str, Any]] = [
        {"optimizer": {"name": "sgd", "momentum": 0.9}, "model": {"width": 16}},
        {"optimizer": "none"},
        {"optimizer": {"lr": 1e-3}},
    ]
    assert point_problems(space, points) == []
    first, second, third = whole_points(space, points)
    assert first["optimizer"] == {"name": "sgd", "momentum": 0.9, "lr": pytest.approx(1e-2)}
    assert first["model"] == {"depth": 3, "width": 16}
    assert second["optimizer"] == "none"
    assert third["optimizer"] == {"name": "adam", "lr": 1e-3, "betas": [0.9, 0.999]}
    assert all(space.contains(point) for point in (first, second, third))


@pytest.mark.parametrize(
    ("point", "message"),
    [
        ({"model": {"widht": 8}}, "model has no 'widht': did you mean 'width'?"),
        ({"model": {"zzz": 8}}, "model has no 'zzz'"),
        ({"model": {"width": 9}}, "model.width=9 is not in choice(values=[8, 16])"),
        ({"model": 3}, "model=3 is not in mapping(fields={depth: constant(value=3), width: "),
        ({"optimizer": {"name": "lion"}}, "optimizer={'name': 'lion'} is not in options(options=["),
        ({"zzz": 1}, "the space has no 'zzz'"),
        ({"max_epochs": {2}}, "max_epochs: a value of type set"),
    ],
)
def test_points_that_do_not_fit_say_where(point: dict[str, Any], message: str) -> None:
    space = sound(CONDITIONAL | {"model": {"width": [8, 16], "depth": 3}})
    problems = point_problems(space, [{}, point])
    assert len(problems) == 1
    assert problems[0].startswith("points_to_evaluate[1]: ")
    assert message in problems[0]


@pytest.mark.parametrize("raw", [NESTED, CONDITIONAL], ids=["nested", "conditional"])
def test_what_was_drawn_is_a_point_to_evaluate_as_it_stands(raw: dict[str, Any]) -> None:
    space = sound(raw)
    for config in drawn(space):
        assert whole_points(space, [json.loads(json.dumps(config))]) == [config]


@pytest.mark.parametrize(
    ("domain", "written", "meant"),
    [
        (stats.uniform(0.7, 0.1), 0.8, 0.7 + 0.1),
        (np.arange(0.1, 1.0, 0.1), 0.3, 0.1 + 0.2),
        (np.arange(-1, 1, 0.1), 0.0, np.arange(-1, 1, 0.1)[10]),
        (stats.rv_discrete(values=([1, 2, 3], [0.2, 0.3, 0.5]))(loc=0.1), 2.1, 2.1),
        (uniform(0, 0.3), 0.1 + 0.2, 0.3),
        (quantized(uniform(0, 1), 0.1), 0.1 + 0.2, 0.3),
        (uniform(0, 1), -1e-17, 0.0),
        (randint(1, 3), 2.0, 2),
        (stats.poisson(3), 2.0, 2),
        ([[0.1 + 0.2, "a"], [0.4, "b"]], [0.3, "a"], [0.1 + 0.2, "a"]),
        ([{"a": 0.1 + 0.2}, {"a": 0.4}], {"a": 0.3}, {"a": 0.1 + 0.2}),
        ([1.0, 1.0 + 1e-12], 1.0 + 1e-12, 1.0 + 1e-12),
        (0.1 + 0.2, 0.3, 0.1 + 0.2),
    ],
)
def test_points_mean_the_domains_own_value_within_rounding(
    domain: object, written: Any, meant: object
) -> None:
    space = sound({"x": domain, "y": [1, 2]})
    points: list[dict[str, Any]] = [{"x": written}]
    assert point_problems(space, points) == []
    assert whole_points(space, points)[0]["x"] == meant
    assert space.contains(whole_points(space, points)[0])


def test_rounding_is_no_excuse_for_other_numbers() -> None:
    space = sound({"seed": [1234567890, 1234567892], "lr": loguniform(1e-12, 1), "x": [[1], [2]]})
    others: list[dict[str, Any]] = [
        {"seed": 1234567891},
        {"lr": 0.0},
        {"lr": 1.001},
        {"lr": True},
        {"x": [1, 2]},
    ]
    for point in others:
        assert len(point_problems(space, [point])) == 1
    assert not sound({"x": stats.norm(0, 1)}).contains({"x": float("inf")})


@pytest.mark.parametrize(
    "huge", [stats.randint(0, 2**63 - 1), stats.randint(-(2**60), 5), randint(0, 2**63)]
)
def test_integers_that_floats_do_not_tell_apart_are_refused_in_a_sentence(huge: object) -> None:
    (problem,) = read_space({"seed": huge})[1]
    assert "beyond 2**53" in problem
    assert sound({"seed": stats.randint(0, 2**53)}).size == 2**53


def test_text_that_describes_a_domain_is_one_also_in_a_program() -> None:
    space = sound(
        {"lr": "loguniform(1e-4, 1e-1)", "x": {"n": {"type": "randint", "low": 1, "high": 3}}}
    )
    assert (space.domains["lr"].size, space.domains["x"].size) == (None, 3)
    assert read_space({"lr": "unifrm(0, 1)"})[1] == [
        "lr: 'unifrm' is no domain: did you mean 'uniform'? (Plain text would be constant('...').)"
    ]
