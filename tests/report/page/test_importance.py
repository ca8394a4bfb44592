"""Importance by PED-ANOVA, of results that can be compared."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from made_campaigns import Made

from hpo.folder.campaign import require
from hpo.report.page.importance import LEAST, NOT_INSTALLED, Importance, importance_of
from hpo.report.page.sources import read


def importance(made: Made, root: Path) -> Importance:
    made.write(root)
    sources = read(*require(root))
    return importance_of(sources.history.state, sources.plan.space, sources.plan.levels)


def test_it_is_told_at_the_rung_that_most_trials_reached(tmp_path: Path) -> None:
    found = importance(Made(n_trials=40), tmp_path / "made")
    assert "40 results at the rung of epoch 1" in found.text
    assert {name for name, _ in found.shares} == {"learning_rate", "dropout", "width", "optimizer"}
    assert sum(share for _, share in found.shares) == pytest.approx(1.0)


def test_of_random_search_at_the_end_of_the_trials(tmp_path: Path) -> None:
    made = Made(n_trials=40, levels=(), mode="max", metric="accuracy")
    assert "of whole trials" in importance(made, tmp_path / "made").text


@pytest.mark.parametrize("made", [Made(n_trials=LEAST - 1), Made(n_trials=0), Made(5, levels=())])
def test_of_few_results_nothing_is_said(made: Made, tmp_path: Path) -> None:
    found = importance(made, tmp_path / "made")
    assert found.shares == ()
    assert f"from {LEAST} results" in found.text


def test_what_not_all_trials_have_is_left_out(tmp_path: Path) -> None:
    def config(dice: Any) -> dict[str, Any]:
        own = {"c": dice.random()} if dice.random() < 0.5 else {}
        return {"lr": dice.random(), **own}

    found = importance(Made(n_trials=60, config=config, space={}), tmp_path / "made")
    assert [name for name, _ in found.shares] == ["lr"]
    assert "1 that not all of these trials have" in found.text


def test_where_nothing_was_varied_nothing_matters(tmp_path: Path) -> None:
    made = Made(n_trials=40, config=lambda _dice: {"lr": 0.1}, space={})
    assert importance(made, tmp_path / "made").shares == ()


def test_without_optuna_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    assert importance(Made(n_trials=40), tmp_path / "made").text == NOT_INSTALLED
