"""The example of a searcher of one's own: it is better than chance and repeats nothing."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_runs import beside_the_examples


@pytest.fixture(autouse=True)
def examples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    beside_the_examples(monkeypatch, tmp_path)


class TestLocalSearcher:
    def test_finds_better_configurations_than_random_search(self) -> None:
        example = importlib.import_module("local_searcher")
        space, _ = example.read_space(
            {"a": example.loguniform(1e-4, 1), "b": example.loguniform(1e-4, 1), "c": [1, 2, 3]}
        )

        def valley(config: dict[str, Any]) -> float:
            steps = np.log10(config["a"]) + 1, np.log10(config["b"]) + 3, config["c"] - 2
            return float(sum(step**2 for step in steps))

        def mean_best(searcher: type) -> float:
            runs = [example.minimise(valley, searcher(space, seed), 25) for seed in range(20)]
            return float(np.mean([min(tried.error for tried in run) for run in runs]))

        assert mean_best(example.LocalSearcher) < 0.7 * mean_best(example.AsyncRandomSearch)

    def test_changes_one_hyperparameter_of_the_best_and_repeats_nothing(self) -> None:
        example = importlib.import_module("local_searcher")
        space, _ = example.read_space(example.get_config_space())
        searcher = example.LocalSearcher(space, 0, n_initial=1, share=1.0)
        first = searcher.suggest(0, ())
        results = [
            example.Tried(0, first, 0.1, 4),
            example.Tried(1, first | {"learning_rate": 0.5}, 0.9, 4),
        ]
        for trial_id in range(2, 20):
            config = searcher.suggest(trial_id, (), results)
            assert sum(config[name] != first[name] for name in config) <= 1
            assert space.contains(config)
            assert config == searcher.suggest(trial_id, (), results)

    def test_an_exhausted_space_ends_the_search(self) -> None:
        example = importlib.import_module("local_searcher")
        space, _ = example.read_space({"a": [1, 2, 3]})
        found = example.minimise(lambda config: config["a"], example.LocalSearcher(space, 0), 10)
        assert sorted(tried.config["a"] for tried in found) == [1, 2, 3]

    def test_its_comparison_on_digits_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        importlib.import_module("local_searcher").main(n_trials=2, seeds=[0])
        printed = capsys.readouterr().out
        assert "AsyncRandomSearch  best of 2 trials" in printed
        assert "LocalSearcher      best of 2 trials" in printed
