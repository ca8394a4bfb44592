"""A campaign as a study of Optuna: read back by Optuna itself, at once and while it runs."""

from __future__ import annotations

import json
import math
import shutil
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from user_project import user_project

from hpo.cli import main
from hpo.exports.optuna_journal import StudyWriter
from hpo.exports.optuna_trials import Converter
from hpo.folder.files import Layout
from hpo.record.goal import Goal
from hpo.report.results import read_results

optuna = pytest.importorskip("optuna")

SPACE = """{'lr': loguniform(1e-4, 1e-1), 'width': randint(8, 16), 'batch': [32, 64],
    'sizes': [[8, 8], [16]], 'deep': {'x': uniform(0, 1)},
    'optimizer': [{'name': 'sgd', 'momentum': uniform(0, 1)}, {'name': 'adam'}],
    'max_epochs': 9}"""
TRAIN = """
if trial.trial_id == 3:
    raise RuntimeError("CUDA out of memory")
for epoch in trial.epochs():
    error = float("nan") if trial.trial_id == 4 else config["lr"] + 1 / epoch
    trial.report(epoch=epoch, validation_error=error)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with user_project(tmp_path_factory.mktemp("study")) as project:
        project.write(TRAIN, space=SPACE, n_trials=30, scheduler={"type": "asha", "max_t": 9})
        project.finish(executor="simulated")
        yield project.output.with_name(project.output.name + "-simulated")


def load(path: Path) -> Any:
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(path)))
    return optuna.load_study(study_name=None, storage=storage)


def exported(root: Path, folder: Path) -> Any:
    assert main(["export", str(root), "--to", "optuna", "-o", str(folder)]) == 0
    (path,) = folder.glob("*.optuna.log")
    return load(path)


def test_optuna_reads_states_values_and_what_was_reported(root: Path, tmp_path: Path) -> None:
    study = exported(root, tmp_path)
    results = read_results(Layout(root), "epoch")
    assert len(study.trials) == 30
    assert [trial.number for trial in study.trials] == list(results)
    state = {"completed": "COMPLETE", "paused": "PRUNED", "failed": "FAIL"}
    for trial in study.trials:
        result = results[trial.number]
        is_bad = result["error"] is None
        assert trial.state.name == ("FAIL" if is_bad else state[result["status"]])
        assert trial.value == result["error"]
        if not is_bad:
            reports = result["reports"]
            steps = zip(reports["epoch"], reports["validation_error"], strict=True)
            assert trial.intermediate_values == dict(steps)
        assert trial.user_attrs["status"] == result["status"]
    assert study.best_trial.value == min(
        r["error"] for r in results.values() if r["status"] == "completed"
    )
    assert study.trials[3].user_attrs["cause"] == "cuda_out_of_memory"


def test_parameters_have_the_distributions_of_the_space(root: Path, tmp_path: Path) -> None:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    study = exported(root, tmp_path)
    results = read_results(Layout(root), "epoch")
    dists = {name: d for trial in study.trials for name, d in trial.distributions.items()}
    assert dists == {
        "lr": FloatDistribution(1e-4, 1e-1, log=True),
        "width": IntDistribution(8, 16),
        "batch": CategoricalDistribution((32, 64)),
        "sizes": CategoricalDistribution(("[8,8]", "[16]")),
        "deep.x": FloatDistribution(0, 1),
        "optimizer.momentum": FloatDistribution(0, 1),
        "optimizer.name": dists["optimizer.name"],
    }
    assert set(dists["optimizer.name"].choices) == {"sgd", "adam"}
    for trial in study.trials:
        config = results[trial.number]["config"]
        params = trial.params
        assert (params["lr"], params["width"]) == (config["lr"], config["width"])
        assert params["batch"] == config["batch"]
        assert json.loads(params["sizes"]) == config["sizes"]
        assert params.get("optimizer.momentum") == config["optimizer"].get("momentum")


def test_a_study_of_the_other_direction_is_maximized() -> None:
    text = StudyWriter("x", Goal(mode="max"), {}).text({})
    assert json.loads(text)["directions"] == [2]


def results_at(moment: int) -> dict[int, dict[str, Any]]:
    """A small campaign at four moments."""

    def trial(number: int, status: str, epochs: int, error: float | None) -> dict[str, Any]:
        return {
            "trial_id": number,
            "status": status,
            "error": error,
            "config": {"lr": 0.1 * (number + 1)},
            "additional_info": {"start_time": 1e9 + number, "end_time": 1e9 + 60},
            "reports": {
                "epoch": list(range(1, epochs + 1)),
                "validation_error": [1 / e for e in range(1, epochs + 1)],
            },
        }

    one = trial(1, "running", 1, None)
    return [
        {1: one},
        {0: trial(0, "running", 2, None), 1: trial(1, "paused", 2, 0.5)},
        {0: trial(0, "completed", 3, 1 / 3), 1: trial(1, "running", 3, 0.5)},
        {0: trial(0, "completed", 3, 1 / 3), 1: trial(1, "paused", 4, 0.25)},
    ][moment]


def test_a_study_that_is_followed_comes_to_what_one_written_at_the_end_is(tmp_path: Path) -> None:
    space = {"lr": {"type": "uniform", "low": 0.0, "high": 1.0}}

    def trials(converter: Converter, moment: int) -> Any:
        return converter.trials(results_at(moment), goes_on=moment < 3)

    path = tmp_path / "followed.log"
    converter, writer = Converter(space, Goal()), StudyWriter("s", Goal(), {"a": 1})
    seen = []
    with path.open("a") as file:
        for moment in range(4):
            file.write(writer.text(trials(converter, moment)))
            file.flush()
            seen.append([trial.state.name for trial in load(path).trials])
        assert writer.text(trials(converter, 3)) == ""
    assert seen == [
        ["WAITING", "RUNNING"],
        ["RUNNING", "RUNNING"],
        ["COMPLETE", "RUNNING"],
        ["COMPLETE", "PRUNED"],
    ]
    whole = tmp_path / "whole.log"
    whole.write_text(StudyWriter("s", Goal(), {"a": 1}).text(trials(Converter(space, Goal()), 3)))
    for followed, at_once in zip(load(path).trials, load(whole).trials, strict=True):
        assert followed.params == at_once.params
        assert followed.distributions == at_once.distributions
        assert followed.intermediate_values == at_once.intermediate_values
        assert followed.values == at_once.values
        assert followed.user_attrs == at_once.user_attrs
        assert followed.datetime_complete == at_once.datetime_complete
        assert followed.datetime_start == at_once.datetime_start


def test_a_trial_waits_until_it_is_known_when_it_began() -> None:
    """Its job writes that down a moment after it has taken it."""
    running = {"trial_id": 0, "status": "running", "error": None, "config": {}, "reports": {}}
    converter = Converter({}, Goal())
    (trial,) = converter.trials({0: running}, goes_on=True).values()
    assert (trial.state, trial.start) == (4, None)
    reports = {"epoch": [1], "time": [1e9 + 70], "elapsed": [60.0], "validation_error": [0.5]}
    told = running | {"reports": reports, "additional_info": {"start_time": 1e9 + 500}}
    (trial,) = converter.trials({0: told}, goes_on=True).values()
    assert (trial.state, trial.start) == (0, 1e9 + 10)


def test_optuna_goes_on_with_the_study(root: Path, tmp_path: Path) -> None:
    """What was tried here is what its samplers learn from."""
    study = exported(root, tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trial = study.ask()
        assert trial.number == 30
        lr = trial.suggest_float("lr", 1e-4, 1e-1, log=True)
        study.tell(trial, lr)
    assert math.isfinite(study.trials[-1].value)


def test_follow_ends_with_the_campaign(root: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(root, tmp_path / "copy")
    begin = time.monotonic()
    assert main(["export", str(copy), "--to", "optuna", "--follow", "--every", "3600"]) == 0
    assert time.monotonic() - begin < 600
    (path,) = (copy / "exports").glob("*.optuna.log")
    assert len(load(path).trials) == 30
