"""Whole campaigns whose objectives stop early, or keep their best epoch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from user_project import Project

import hpo

EARLY = """
best, since = 9.0, 0
for epoch in trial.epochs():
    error = abs(epoch - 3) + config["lr"]
    trial.report(epoch=epoch, validation_error=error)
    since = 0 if error < best else since + 1
    best = min(best, error)
    if since >= 4 and config["lr"] < 0.5:
        return
"""
CURVE = """
curves = {"a": [0.5, 0.1, 0.4], "b": [0.5, 0.3, 0.3]}
for epoch in trial.epochs():
    trial.report(epoch=epoch, validation_error=curves[config["model"]][epoch - 1])
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_early_ends_are_results_and_are_not_promoted(project: Project) -> None:
    space = '{"lr": [0.1, 0.2, 0.3, 0.7, 0.8, 0.9], "max_epochs": 27}'
    scheduler = {"type": "asha", "grace_period": 9}
    project.write(EARLY, space=space, n_trials=6, scheduler=scheduler)
    printed = project.finish()
    trials = hpo.load_campaign(project.output).trials
    assert sorted(trials["lr"][trials["early"]]) == [0.1, 0.2, 0.3]
    assert set(trials["status"][trials["early"]]) == {"completed"}
    assert set(trials["resource"][trials["early"]]) == {7}
    assert set(trials["status"][~trials["early"]]) == {"paused"}  # the best two want no more
    assert printed.count("ended early at 7") == 3
    best = json.loads((project.output / "best_config.json").read_text())
    assert best["lr"] == 0.1


@pytest.mark.parametrize(("trial_value", "model"), [("last", "b"), ("best", "a")])
def test_what_a_trial_is_worth_is_the_same_everywhere(
    project: Project, trial_value: str, model: str
) -> None:
    space = '{"model": ["a", "b"], "max_epochs": 3}'
    project.write(CURVE, space=space, n_trials=2, trial_value=trial_value)
    printed = project.finish()
    found = hpo.load_campaign(project.output)
    assert found.best_config == {"max_epochs": 3, "model": model}
    errors = dict(zip(found.trials["model"], found.trials["error"], strict=True))
    assert errors == {"a": 0.4 if trial_value == "last" else 0.1, "b": 0.3}
    results = json.loads((project.output / "final_results.json").read_text())
    assert results["best_error"] == min(errors.values())
    assert f"validation_error={errors['a']}" in printed
    # Another meaning would be another search.
    other = "best" if trial_value == "last" else "last"
    refused = project.run("--set", f"hpo.trial_value={other}")
    assert refused.returncode == 2
    assert "trial_value" in refused.stderr
