"""What `searcher` may say, and what is told of one that cannot be."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from config_files import load_spec, problems_of, writer

from hpo.cli.searchers import make_searcher
from hpo.search.named import SEARCHERS
from hpo.search.searcher import Searcher
from hpo.settings.searchers import MODELS


def write(folder: Path, searcher: object, space: str = "{'lr': [0.1, 0.2]}") -> Path:
    hpo = {"n_trials": 2, "objective": "train:objective", "searcher": searcher}
    return writer(folder)(space=space, hpo=repr(hpo), before="from hpo import uniform\n")


@pytest.mark.parametrize("name", MODELS)
def test_each_is_named_by_itself_or_in_a_mapping(tmp_path: Path, name: str) -> None:
    alone = load_spec(str(write(tmp_path, name)), cwd=tmp_path)
    mapping = load_spec(str(write(tmp_path, {"name": name})), cwd=tmp_path)
    assert alone.hpo.searcher == mapping.hpo.searcher
    assert alone.digest() == mapping.digest()
    assert alone.searcher_name == name
    config = make_searcher(alone).suggest(0, ())
    assert config in ({"lr": 0.1}, {"lr": 0.2})


def test_random_search_is_the_same_search_named_or_not(tmp_path: Path) -> None:
    named = load_spec(str(write(tmp_path, "random")), cwd=tmp_path)
    assert named.identity()["searcher"] is None
    assert load_spec(str(write(tmp_path, None)), cwd=tmp_path).digest() == named.digest()


def test_what_was_set_is_part_of_the_search_and_defaults_are_not(tmp_path: Path) -> None:
    spec = load_spec(str(write(tmp_path, {"name": "tpe", "gamma": 0.2})), cwd=tmp_path)
    assert spec.identity()["searcher"] == {"name": "tpe", "gamma": 0.2}
    same = load_spec(
        str(write(tmp_path, "tpe")), cwd=tmp_path, overrides=["hpo.searcher.gamma=0.2"]
    )
    assert same.digest() == spec.digest()


@pytest.mark.parametrize(
    ("searcher", "words"),
    [
        ("bayes", "must be random, sobol, grid, local, tpe, gp, a mapping"),
        ("tpa", "not 'tpa'; did you mean 'tpe'?"),
        ({"nam": "tpe"}, "not None"),
        ({"name": ["tpe"]}, "not ['tpe']"),
        (7, "not 7"),
        ({"name": "tpe", "n_values": 3}, "unknown key 'n_values' in 'searcher'"),
        ({"name": "tpe", "gamma": "0.2"}, "must be a number"),
        ({"name": "local", "p_random": 1.5}, "less than or equal to 1"),
        ({"name": "gp", "n_initial": 0}, "must be at least 1"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, searcher: object, words: str) -> None:
    assert words in problems_of(write(tmp_path, searcher), tmp_path)


@pytest.mark.parametrize(
    ("searcher", "space", "words"),
    [
        ("grid", "{'lr': uniform(0, 1), 'a': [1, 2]}", "a grid has no end where lr may be any"),
        ("gp", "{'a': [str(k) for k in range(10000)]}", "10000 values without an order"),
    ],
)
def test_a_searcher_that_does_not_fit_the_space_is_told(
    tmp_path: Path, searcher: str, space: str, words: str
) -> None:
    assert words in problems_of(write(tmp_path, searcher, space), tmp_path)


@pytest.mark.parametrize("name", MODELS)
def test_each_has_the_settings_that_it_takes(name: str) -> None:
    made: Any = SEARCHERS[name]
    takes = set(inspect.signature(made).parameters) - {"space", "seed", "points_to_evaluate"}
    assert takes == MODELS[name].model_fields.keys() - {"name"}


def test_offers_lie_ready_for_one_round_where_results_are_learned_from(tmp_path: Path) -> None:
    spec = load_spec(str(write(tmp_path, "tpe")), cwd=tmp_path)
    assert spec.is_learning
    assert not load_spec(str(write(tmp_path, "sobol")), cwd=tmp_path).is_learning


def test_a_searcher_is_stood_in_for_only_where_it_learns(tmp_path: Path) -> None:
    made: list[Searcher] = []
    for name in ("sobol", "tpe"):
        made.append(make_searcher(load_spec(str(write(tmp_path, name)), cwd=tmp_path)))
    assert [type(searcher).__name__ for searcher in made] == ["SobolSearch", "WithFallback"]
