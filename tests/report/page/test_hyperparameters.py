"""Hyperparameters as columns, on the scale of their domains."""

from __future__ import annotations

from typing import Any

import pytest

from hpo.report.page.hyperparameters import Hyperparameter, columns
from hpo.space.domains import lograndint, loguniform, quantized, randint, uniform
from hpo.space.space import read_space


def one(space: dict[str, Any], *values: Any) -> Hyperparameter:
    (found,) = columns(space, [{"x": value} for value in values])[0]
    return found


def test_the_scale_is_that_of_the_domain() -> None:
    raw = {
        "lr": loguniform(1e-4, 1.0),
        "drop": uniform(0.0, 0.9),
        "units": lograndint(8, 128),
        "n": randint(1, 400),
        "kind": ["adam", "sgd"],
        "size": [16, 32],
        "q": quantized(uniform(0.0, 1.0), 0.1),
        "epochs": 9,
    }
    space, problems = read_space(raw)
    assert not problems
    found, constants = columns(
        space.to_json(), [space.midpoint(), space.config([0.9] * len(space.free))]
    )
    told = {h.name: h for h in found}
    assert constants == {"epochs": 9}
    assert [told[n].is_log for n in ("lr", "drop", "units", "n", "q")] == [1, 0, 1, 0, 0]
    assert (told["lr"].low, told["lr"].high) == (1e-4, 1.0)
    assert (told["q"].low, told["q"].high) == (0.0, 1.0)
    assert told["units"].is_whole
    assert not told["lr"].is_whole
    assert told["kind"].labels == ("adam", "sgd")
    assert told["kind"].values == (0, 1)
    assert told["size"].labels == ("16", "32")


def test_a_choice_of_many_numbers_is_an_axis_of_numbers() -> None:
    listed = {"x": {"type": "choice", "values": list(range(1, 200))}}
    assert one(listed, 3, 150).labels == ()
    text = {"x": {"type": "choice", "values": [f"v{n}" for n in range(200)]}}
    assert len(one(text, "v3", "v7").labels) == 200


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (["a", 1], ("a", "1")),
        ([True, False], ("true", "false")),
        ([None, 3], ("null", "3")),
        ([[1, 2], {}], ("[1,2]", "{}")),
        (["a\u2028b\n", "c"], ("a\\u2028b\\n", "c")),
    ],
)
def test_what_is_no_number_is_a_label_on_one_line(values: list[Any], labels: Any) -> None:
    assert one({}, *values).labels == labels


def test_of_an_unknown_distribution_its_values_tell_the_scale() -> None:
    domain = {"x": {"type": "scipy.stats.gamma", "a": 2}}
    assert one(domain, 0.01, 5.0).is_log
    assert not one(domain, 1.0, 5.0).is_log
    assert not one(domain, -1.0, 500.0).is_log
    assert one({"x": {"type": "scipy.stats.loguniform", "a": 1.0, "b": 2.0}}, 1.0, 2.0).is_log


def test_what_only_some_trials_have_is_a_column_with_gaps() -> None:
    raw = {
        "model": [
            {"kind": "svm", "c": loguniform(1e-2, 1e2), "same": uniform(0, 1)},
            {"kind": "net", "depth": randint(1, 4), "same": uniform(0, 9)},
            "none",
        ],
        "optimizer": {"lr": loguniform(1e-4, 1.0), "name": "sgd"},
    }
    space, problems = read_space(raw)
    assert not problems
    configs: list[dict[str, Any]] = [
        {"model": {"kind": "svm", "c": 1.0, "same": 0.5}, "optimizer": {"lr": 0.1, "name": "sgd"}},
        {"model": {"kind": "net", "depth": 2, "same": 8}, "optimizer": {"lr": 0.01, "name": "sgd"}},
        {"model": "none", "optimizer": {"lr": 0.01, "name": "sgd"}},
    ]
    found, constants = columns(space.to_json(), configs)
    told = {h.name: h for h in found}
    assert told["model.c"].values == (1.0, None, None)
    assert told["model.c"].is_log
    assert told["model.depth"].values == (None, 2, None)
    assert told["model.same"].values == (0.5, 8, None)
    assert told["model"].labels == ("none",)
    assert told["optimizer.lr"].is_log
    assert told["model.kind"].labels == ("svm", "net")
    assert constants == {"optimizer.name": "sgd"}


def test_without_trials_the_domains_stand_there_all_the_same() -> None:
    found, constants = columns(
        {
            "lr": {"type": "loguniform", "low": 1e-3, "high": 1.0},
            "n": {"type": "constant", "value": 3},
        },
        [],
    )
    assert [h.name for h in found] == ["lr"]
    assert constants == {"n": 3}


def test_an_edited_space_breaks_nothing() -> None:
    odd: dict[str, Any] = {
        "x": "loguniform",
        "y": {"type": 3, "low": "a", "values": 7},
        "z": {"options": [1, {"fields": 3}]},
        "q": {"type": "quantized", "domain": None},
        "w": {"type": "constant"},
    }
    found, constants = columns(odd, [{"x": 1.0, "y": 10**400}, {"x": 2.0, "y": 1}])
    assert [h.name for h in found][:2] == ["y", "x"]
    assert constants == {"w": None}
    assert found[0].labels == (str(10**400), "1")
    same, constants = columns({}, [{"a": 1}, {"a": 1}])
    assert (same, constants) == ([], {"a": 1})
