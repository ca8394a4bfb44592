"""`hpo.ask_tell`: a loop of one's own gets what a campaign would have tried."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import hpo
from hpo.errors import ConfigDriftError, JournalError, ReportError, SettingsError

SPACE = {"lr": hpo.loguniform(1e-4, 1.0)}


def worth(config: dict[str, Any], epoch: int = 1) -> float:
    return (math.log10(config["lr"]) + 2) ** 2 + 1 / epoch


def finish(study: hpo.Study, most: int = 10**6) -> list[tuple[int, int, int | None]]:
    """Tell what each trial is worth; what was asked for, in order."""
    asked: list[tuple[int, int, int | None]] = []
    while len(asked) < most and (trial := study.ask()) is not None:
        asked.append((trial.number, trial.since, trial.until))
        study.tell(trial, worth(trial.config, trial.until or 1))
    return asked


def test_random_search_asks_for_what_a_campaign_tries() -> None:
    study = hpo.ask_tell(SPACE, n_trials=5, seed=3, points_to_evaluate=[{"lr": 0.01}])
    assert finish(study) == [(n, 0, None) for n in range(5)]
    search = hpo.AsyncRandomSearch(SPACE, seed=3, points_to_evaluate=[{"lr": 0.01}])
    tried = [search.suggest(n, ()) for n in range(5)]
    assert study.trials.lr.tolist() == [config["lr"] for config in tried if config]
    assert study.best is not None
    assert study.best.number == 0  # the point that was given is the best there is
    assert study.best_value == pytest.approx(1.0)
    assert study.ask() is None


def test_largest_is_best_and_what_is_not_finite_is_worst() -> None:
    study = hpo.ask_tell(SPACE, metric="accuracy", mode="max")
    for value in (0.5, math.nan, 0.9, 0.7):
        trial = study.ask()
        assert trial is not None
        study.tell(trial, {"accuracy": value})
    assert study.best is not None
    assert (study.best.number, study.best_value) == (2, 0.9)
    assert study.trials.status.tolist() == ["completed"] * 4


def test_with_asha_only_the_best_come_again() -> None:
    study = hpo.ask_tell(SPACE, scheduler=hpo.ASHA(max_t=9), n_trials=27)
    asked = finish(study)
    first = [number for number, since, _ in asked if since == 0]
    assert first == list(range(27))
    assert {until for _, _, until in asked} == {1, 3, 9}
    for number, since, until in asked:
        if since:  # it goes on from where it was, and had been asked for to there
            assert (number, since) in {(n, u) for n, _, u in asked}
            assert until == 3 * since
    assert len([1 for _, _, until in asked if until == 3]) >= 9
    assert study.best is not None
    assert study.best.since == 9


def test_several_at_once_and_a_failure() -> None:
    study = hpo.ask_tell(SPACE, n_trials=3)
    trials = [study.ask() for _ in range(3)]
    assert study.ask() is None  # until one is told
    first, second, third = (trial for trial in trials if trial is not None)
    study.fail(second, "it diverged")
    study.tell(third, 0.5)
    study.tell(first.number, 0.7)
    assert study.trials.status.tolist() == ["completed", "failed", "completed"]
    assert study.best_value == 0.5


def test_one_that_ended_early_is_not_promoted() -> None:
    study = hpo.ask_tell(SPACE, scheduler=hpo.ASHA(max_t=9, grace_period=3), n_trials=3)
    early = study.ask()
    assert early is not None
    assert list(early.epochs()) == [1, 2, 3]
    study.tell(early, 0.0, resource=2)
    finish(study)
    assert study.trials.resource[early.number] == 2
    assert study.trials.status[early.number] == "completed"


def test_it_goes_on_from_a_folder(tmp_path: Path) -> None:
    def begin(**more: Any) -> hpo.Study:
        given: dict[str, Any] = {"n_trials": 9, **more}
        return hpo.ask_tell(SPACE, scheduler=hpo.ASHA(max_t=9), folder=tmp_path / "s", **given)

    whole = hpo.ask_tell(SPACE, scheduler=hpo.ASHA(max_t=9), n_trials=9)
    expected = finish(whole)
    study = begin()
    asked = finish(study, 5)
    lost = study.ask()  # and the program ends
    again = begin()
    assert lost is not None
    assert again.best_value == study.best_value
    assert asked + finish(again) == expected
    assert again.best == whole.best
    assert begin(n_trials=12).ask() is not None  # more than before
    with pytest.raises(ConfigDriftError, match="holds another search"):
        begin(seed=1)
    with pytest.raises(JournalError, match="was changed by somebody"):
        study.tell(lost, 1.0)  # of the program that was overtaken


def test_a_finite_space_ends() -> None:
    study = hpo.ask_tell({"width": [1, 2, 3]})
    seen = []
    while (trial := study.ask()) is not None:
        seen.append(trial.config["width"])
        study.tell(trial, 0.0)
    assert sorted(seen) == [1, 2, 3]


class Halving:
    """Tries half of the best so far."""

    def __init__(self, space: hpo.Space, seed: int) -> None:
        self.first = {"lr": 0.5}

    def suggest(self, trial_id: int, taken: Any, results: Any = ()) -> dict[str, Any] | None:
        best = min(results, key=lambda one: one.error, default=None)
        return self.first if best is None else {"lr": best.config["lr"] / 2}


def test_a_searcher_of_ones_own_learns_from_what_was_told() -> None:
    study = hpo.ask_tell(SPACE, searcher=Halving, n_trials=4)
    while (trial := study.ask()) is not None:
        study.tell(trial, trial.config["lr"])
    assert study.trials.lr.tolist() == [0.5, 0.25, 0.125, 0.0625]


def test_what_is_wrong_is_told() -> None:
    with pytest.raises(SettingsError) as caught:
        hpo.ask_tell({"lr": hpo.loguniform(0, 1)}, mode="least", n_trials=0)  # type: ignore[arg-type]
    assert len(caught.value.problems) == 3
    study = hpo.ask_tell(SPACE)
    trial = study.ask()
    assert trial is not None
    with pytest.raises(TypeError, match="put max_epochs into the space"):
        trial.epochs()
    with pytest.raises(ReportError, match="must be a number, not 'low'"):
        study.tell(trial, "low")  # type: ignore[arg-type]
    with pytest.raises(ReportError, match=r"the report has no 'validation_error': \['loss'\]"):
        study.tell(trial, {"loss": 1.0})
    with pytest.raises(ReportError, match=r"trial 7 is not being waited for; these are: \[0\]"):
        study.tell(7, 1.0)


def test_a_searcher_by_its_name() -> None:
    study = hpo.ask_tell(
        SPACE, searcher={"name": "tpe", "n_initial": 5}, n_trials=30, points_to_evaluate=[{"lr": 1}]
    )
    finish(study)
    assert study.trials.lr[0] == 1.0
    learned = study.trials.lr[20:]
    assert abs(math.log10(learned.median()) + 2) < 0.7  # near the best, which is 0.01
    for wrong in ("tpee", {"name": "tpe", "n_start": 1}):
        with pytest.raises(SettingsError, match=r"must be one of random|unknown key 'n_start'"):
            hpo.ask_tell(SPACE, searcher=wrong)
