"""Random search: the same seed gives the same trials; a finite space is tried once, then ends."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hpo.errors import SettingsError
from hpo.search.random import AsyncRandomSearch, point_problems
from hpo.space.domains import loguniform, quantized, randint, uniform
from hpo.space.space import Space, read_space
from hpo.values import canonical


def build(raw: dict[str, Any]) -> Space:
    space, problems = read_space(raw)
    assert problems == []
    return space


def run(search: AsyncRandomSearch, n_trials: int) -> list[dict[str, Any]]:
    """The configurations of a space that has so many."""
    configs = [config for config in run_dry(search, n_trials) if config is not None]
    assert len(configs) == n_trials
    return configs


def run_dry(search: AsyncRandomSearch, n_trials: int) -> list[dict[str, Any] | None]:
    """The same with None for each trial beyond the space."""
    taken: set[str] = set()
    configs = []
    for trial_id in range(n_trials):
        config = search.suggest(trial_id, taken)
        configs.append(config)
        if config is not None:
            taken.add(canonical(config))
    return configs


MLP = build(
    {
        "input_size": 3883,
        "hidden_sizes": [[1024, 512, 256], [2048, 1024, 512]],
        "lr": stats.loguniform(1e-4, 1e-2),
        "batch_size": [32, 64, 128],
    }
)


@given(seed=st.integers(0, 2**63), trial_id=st.integers(0, 2**31))
def test_a_trial_depends_on_seed_and_number_alone(seed: int, trial_id: int) -> None:
    first = AsyncRandomSearch(MLP, seed).suggest(trial_id, taken=())
    assert first is not None
    assert first == AsyncRandomSearch(MLP, seed).suggest(trial_id, taken={"other"})
    assert MLP.contains(first)


def test_seeds_and_trials_differ() -> None:
    search = AsyncRandomSearch(MLP, seed=1)
    assert len({config["lr"] for config in run(search, 200)}) == 200
    assert run(search, 5) != run(AsyncRandomSearch(MLP, seed=2), 5)


def test_a_plain_dict_is_a_space_too() -> None:
    raw = {"lr": loguniform(1e-4, 1e-2), "batch_size": [32, 64]}
    assert run(AsyncRandomSearch(raw, 1), 5) == run(AsyncRandomSearch(build(raw), 1), 5)
    with pytest.raises(SettingsError, match="lr: "):
        AsyncRandomSearch({"lr": loguniform(0, 1)}, 1)


def test_a_constant_more_changes_no_trial() -> None:
    more = build({"a_constant": 1, "lr": loguniform(1e-4, 1e-2)})
    less = build({"lr": loguniform(1e-4, 1e-2)})
    lrs = [[c["lr"] for c in run(AsyncRandomSearch(space, 3), 5)] for space in (more, less)]
    assert lrs[0] == lrs[1]


def test_known_trials_stay_what_they_are() -> None:
    # Changing these breaks resuming of campaigns started with an earlier version.
    space = build({"lr": loguniform(1e-4, 1e-2), "n": randint(1, 10)})
    configs = run(AsyncRandomSearch(space, seed=42), 2)
    assert [config["n"] for config in configs] == [5, 3]
    assert [config["lr"] for config in configs] == pytest.approx(
        [0.0035311169138214113, 0.003863717587222818]
    )


@given(
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    seed=st.integers(0, 1000),
)
def test_a_finite_space_is_tried_exactly_once_then_exhausted(sizes: list[int], seed: int) -> None:
    space = build({f"x{n}": list(range(size)) for n, size in enumerate(sizes)})
    assert space.size is not None
    *configs, one_more, another = run_dry(AsyncRandomSearch(space, seed), space.size + 2)
    assert (one_more, another) == (None, None)
    assert None not in configs
    assert len({canonical(config) for config in configs}) == space.size


def test_exhaustion_also_where_some_values_are_hardly_ever_drawn() -> None:
    space = build({"x": stats.binom(12, 0.5), "y": quantized(uniform(0, 1), 0.5)})
    assert space.size == 39
    *configs, one_more = run_dry(AsyncRandomSearch(space, seed=0), 40)
    assert one_more is None
    assert None not in configs
    assert len({canonical(config) for config in configs}) == 39


def test_a_space_too_large_to_list_repeats_rather_than_ends() -> None:
    class Everything(frozenset[str]):
        def __contains__(self, _: object) -> bool:
            return True

    space = build({"x": randint(1, 10**6)})
    config = AsyncRandomSearch(space, 0).suggest(0, Everything())
    assert config is not None
    assert space.contains(config)


def test_points_come_first_filled_and_without_repetition() -> None:
    space = build({"lr": uniform(0, 1), "opt": ["adam", "sgd"], "size": 7})
    points: list[dict[str, Any]] = [{"lr": 0.3}, {"opt": "sgd"}, {"lr": 0.3, "opt": "adam"}, {}]
    configs = run(AsyncRandomSearch(space, 0, points), 4)
    assert configs[:3] == [
        {"lr": 0.3, "opt": "adam", "size": 7},
        {"lr": 0.5, "opt": "sgd", "size": 7},
        {"lr": 0.5, "opt": "adam", "size": 7},
    ]
    assert configs[3] == AsyncRandomSearch(space, 0).suggest(3, taken=())


def test_a_suggested_point_is_the_callers_own() -> None:
    search = AsyncRandomSearch(MLP, 0, [{"batch_size": 64}])
    first = search.suggest(0, ())
    assert first is not None
    first["batch_size"] = -1
    again = search.suggest(0, ())
    assert again is not None
    assert again["batch_size"] == 64


def test_bad_points_are_all_named() -> None:
    problems = point_problems(MLP, [{"batchsize": 64}, {"lr": 1, "batch_size": 64, "zzz": 1}])
    assert problems == [
        "points_to_evaluate[0]: the space has no 'batchsize': did you mean 'batch_size'?",
        "points_to_evaluate[1]: lr=1 is not in scipy.stats.loguniform(a=0.0001, b=0.01)",
        "points_to_evaluate[1]: the space has no 'zzz'",
    ]
    assert point_problems(MLP, [{"hidden_sizes": [1024, 512, 256]}, {}]) == []


def test_it_says_what_it_was_made_of() -> None:
    search = AsyncRandomSearch({"lr": [0.1, 0.2], "n": 3}, 5, [{"lr": 0.2}])
    assert list(search.space.domains) == ["lr", "n"]
    assert search.seed == 5
    assert search.points_to_evaluate == [{"lr": 0.2, "n": 3}]
