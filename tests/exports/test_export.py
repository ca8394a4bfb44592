"""`hpo export`: tables, trackers, and the best configuration as a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml
from user_project import Project, user_project

import hpo
from hpo.cli import main

TRAIN = """
import helper
if trial.trial_id == 1:
    raise RuntimeError("no")
state = {"epoch": 0}
trial.restore(state=state)
for epoch in trial.epochs():
    state["epoch"] = epoch
    trial.report(epoch=epoch, validation_error=helper.ONE * config["lr"] + 1 / epoch)
"""
SPACE = "{'lr': loguniform(1e-4, 1e-1), 'sizes': [[8, 8], [16]], 'mix': ['a', 2], 'max_epochs': 2}"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with user_project(tmp_path_factory.mktemp("exported")) as project:
        (project.folder / "helper.py").write_text("ONE = 1\n")
        project.write(TRAIN, space=SPACE, n_trials=6)
        project.finish()
        yield project


def test_csv_holds_the_two_frames(project: Project, tmp_path: Path) -> None:
    assert main(["export", str(project.output), str(tmp_path / "out"), "--to", "csv"]) == 0
    trials = pd.read_csv(tmp_path / "out" / "trials.csv", index_col="trial_id")
    frames = hpo.load_campaign(project.output)
    assert trials["error"].tolist() == pytest.approx(frames.trials["error"].tolist(), nan_ok=True)
    assert trials["lr"].tolist() == frames.trials["lr"].tolist()
    reports = pd.read_csv(tmp_path / "out" / "reports.csv")
    assert reports["validation_error"].tolist() == frames.reports["validation_error"].tolist()


def test_the_folder_is_the_campaigns_exports_if_none_is_named(project: Project) -> None:
    assert main(["export", str(project.output), "--to", "csv"]) == 0
    assert (project.output / "exports" / "trials.csv").exists()


@pytest.mark.parametrize("kind", ["parquet", "tensorboard", "mlflow", "wandb"])
def test_what_is_not_installed_is_named(
    project: Project, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    package = {"parquet": "pyarrow"}.get(kind, kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, package, None)
        assert main(["export", str(project.output), "--to", kind, "-o", str(tmp_path)]) == 2
    assert f"pip install {package}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--best"], "--best needs a folder"),
        (["a", "--to", "csv", "-o", "b"], "two folders"),
        (["--to", "csv", "--follow"], "--follow goes with --to optuna only"),
        (["--to", "optuna", "--follow", "--every", "nan"], "--every nan: must be from 1 to 3600"),
    ],
)
def test_what_makes_no_sense_is_refused(
    project: Project, words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(project.output), *words]) == 2
    assert told in capsys.readouterr().err


def test_the_best_is_trained_elsewhere_by_one_command(project: Project, tmp_path: Path) -> None:
    out = tmp_path / "best"
    assert main(["export", "--best", str(project.output), str(out)]) == 0
    best = project.final()["best_config"]
    assert json.loads((out / "config.json").read_text()) == best
    assert {path.name for path in (out / "code").iterdir()} == {"search.py", "helper.py"}
    assert list((out / "checkpoint").glob("manifest.json"))
    assert "pandas==" in (out / "environment.txt").read_text()
    assert "slurm: {}" in (out / "best.yaml").read_text()
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "hpo").write_text(f'#!/bin/sh\nexec {sys.executable} -m hpo "$@"\n')
    (folder / "hpo").chmod(0o755)
    paths = [str(Path(hpo.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        ["sh", str(out / "train.sh")],
        cwd=tmp_path,
        env=os.environ
        | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((out / "run" / "results" / "trial_0.json").read_text())
    assert result["config"] == best
    assert result["error"] == pytest.approx(project.final()["best_error"])


def test_a_folder_with_something_in_it_is_not_written_to(
    project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["export", "--best", str(project.output), str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


KEYWORDS = """
from hpo import Reporter, loguniform

def get_config_space():
    return {"lr": loguniform(1e-4, 1e-1), "max_epochs": 2}

def get_slurm_config():
    return {}

def get_hpo_config():
    return {"n_trials": 2}

def objective(lr, max_epochs, random_state=0):
    report = Reporter()
    for epoch in range(1, max_epochs + 1):
        report(epoch=epoch, validation_error=lr + random_state)
"""
SEEDED = """
import random
draw = random.Random(config.get("seed", 0)).random()
for epoch in trial.epochs():
    trial.report(epoch=epoch, validation_error=config["lr"] + draw)
"""


def test_retraining_tells_mean_and_spread_over_seeds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with user_project(tmp_path) as project:
        project.write(SEEDED, space=SPACE, n_trials=6)
        project.finish()
        words = ["retrain", str(project.output), "--best", "2", "--seeds", "3"]
        assert main([*words, "--only-write"]) == 0
        path = project.output.with_name("results-retrain.yaml")
        assert path.stat().st_mode & 0o777 == 0o600
        assert len(yaml.safe_load(path.read_text())["hpo"]["points_to_evaluate"]) == 6
        assert main([*words, "--executor", "simulated"]) == 0
        out = project.output.with_name("results-retrain-simulated")
        trials = hpo.load_campaign(out).trials
        assert sorted(trials["seed"]) == [0, 0, 1, 1, 2, 2]
        table = pd.read_csv(out / "retrain.csv", index_col="trial_id")
        before = hpo.load_campaign(project.output).trials["error"]
        assert set(table.index) == set(before.nsmallest(2).index)
        for trial_id, row in table.iterrows():
            mine = trials[trials["lr"] == row["lr"]]["error"]
            assert row["before"] == before[trial_id]
            assert (row["mean"], row["std"]) == pytest.approx((mine.mean(), mine.std()))
            assert (row["least"], row["most"]) == (mine.min(), mine.max())
            assert (row["seeds"], row["failed"]) == (3, 0)
        assert table["mean"].is_monotonic_increasing
        told = capsys.readouterr().out
        assert "mean validation_error" in told
        # Again: the campaign has ended, and its table is told once more.
        assert main([*words, "--executor", "simulated"]) == 0
        told = capsys.readouterr().out
        assert "is used as it is" in told
        assert "mean validation_error" in told


def test_an_objective_that_takes_no_seed_is_told_and_leaves_nothing_behind(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "keyword.py").write_text(KEYWORDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert main(["run", "--config", "keyword", "--executor", "simulated"]) == 0
        root = tmp_path / "hpo_results" / "keyword-simulated"
        capsys.readouterr()
        assert main(["retrain", str(root), "--executor", "simulated"]) == 2
        assert "seed" in capsys.readouterr().err
        path = root.with_name("keyword-simulated-retrain.yaml")
        assert not path.exists()
        words = ["--executor", "simulated", "--seed-name", "random_state", "--seeds", "2"]
        assert main(["retrain", str(root), *words, "--best", "1"]) == 0
        assert "mean validation_error" in capsys.readouterr().out


def test_there_is_nothing_to_retrain_or_hand_on_without_a_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with user_project(tmp_path) as project:
        project.write('raise ValueError("a bug")', n_trials=1)
        project.run(executor="simulated")
        root = project.output.with_name("results-simulated")
        assert main(["retrain", str(root), "--seeds", "0"]) == 2
        told = capsys.readouterr().err
        assert "2 problems" in told
        assert "no trial in" in told
        assert main(["export", "--best", str(root), str(tmp_path / "best")]) == 2
        assert "has a result yet" in capsys.readouterr().err
