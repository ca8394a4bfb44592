"""A finished campaign for people with pandas: the files as they read them, and load_campaign."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from user_project import Project, user_project, wait_until

import hpo
from hpo.errors import SettingsError

# The user's own script, unchanged.
SCRIPT = """
import json
results = json.load(open('hpo_results/mlp_example/final_results.json')); results['best_config'], results['best_error'], results['n_trials']
for i in range(results['n_trials']): trial = json.load(open(f'hpo_results/mlp_example/results/trial_{i}.json'))
trial['trial_id'], trial['error'], trial['additional_info']['training_time'], trial['config']['lr'], trial['config']['hidden_sizes']
"""  # noqa: E501 - because the user wrote it so
SPACE = """{'input_size': 3883, 'output_size': 214,
    'hidden_sizes': [[1024, 512, 256], [2048, 1024, 512]],
    'lr': loguniform(1e-4, 1e-2), 'weight_decay': loguniform(1e-5, 1e-3),
    'batch_size': [32, 64, 128], 'max_epochs': [5, 10]}"""
TRAIN = """
if trial.trial_id == 3:
    raise RuntimeError("CUDA out of memory")
for epoch in trial.epochs():
    worst = trial.trial_id == 4 and epoch == config["max_epochs"]
    error = config["lr"] + 1 / epoch
    trial.report(epoch=epoch, validation_error=float("nan") if worst else error, loss=2 * error)
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with user_project(tmp_path_factory.mktemp("finished")) as project:
        project.write(TRAIN, space=SPACE, n_trials=8, output_dir="hpo_results/mlp_example")
        project.finish(executor="simulated")
        simulated = project.output.with_name("mlp_example-simulated")
        shutil.copytree(simulated, project.output)
        yield project


def test_the_users_script_runs_unchanged(finished: Project) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=finished.folder, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_the_files_hold_what_the_script_reads(finished: Project) -> None:
    final = finished.final()
    trials = [finished.result(trial_id) for trial_id in range(final["n_trials"])]
    assert final["n_trials"] == 8
    assert [trial["trial_id"] for trial in trials] == list(range(8))
    errors = {t["trial_id"]: t["error"] for t in trials if t["error"] is not None}
    assert set(errors) == {0, 1, 2, 5, 6, 7}
    assert final["best_error"] == min(errors.values())
    assert final["best_config"] == trials[final["best_trial_id"]]["config"]
    for trial in trials:
        assert trial["config"]["hidden_sizes"] in ([1024, 512, 256], [2048, 1024, 512])
        assert 1e-4 <= trial["config"]["lr"] <= 1e-2
        assert trial["additional_info"]["training_time"] > 0


def test_pandas_reads_the_result_files_without_help(finished: Project) -> None:
    files = sorted((finished.output / "results").glob("trial_*.json"))
    frame = pd.json_normalize([json.loads(path.read_text()) for path in files])
    assert frame["error"].notna().sum() == 6
    assert frame["config.lr"].dtype == float
    assert frame["additional_info.training_time"].min() > 0


def test_the_frame_of_trials(finished: Project) -> None:
    trials = hpo.load_campaign(finished.output).trials
    assert list(trials.index) == list(range(8))
    assert trials.index.name == "trial_id"
    assert {"status", "error", "training_time", "cause", "lr", "hidden_sizes"} <= set(trials)
    assert trials["error"].dtype == float
    assert trials["lr"].dtype == float
    assert trials.loc[3, "status"] == "failed"
    assert trials.loc[3, "cause"] == "cuda_out_of_memory"
    assert list(trials.index[trials["error"].isna()]) == [3, 4]
    assert trials["error"].idxmin() == finished.final()["best_trial_id"]
    assert isinstance(trials.loc[0, "hidden_sizes"], list)
    assert trials.groupby("batch_size")["error"].mean().notna().any()


def test_the_frame_of_reports(finished: Project) -> None:
    found = hpo.load_campaign(str(finished.output))
    reports = found.reports
    expected = sum(config["max_epochs"] for i, config in enumerate(finished.configs()) if i != 3)
    assert len(reports) == expected
    assert set(reports["trial_id"]) == {0, 1, 2, 4, 5, 6, 7}
    last = reports.groupby("trial_id").last()
    errors = found.trials["error"].drop([3, 4])
    assert last.loc[errors.index, "validation_error"].tolist() == errors.tolist()
    assert (reports["loss"].dropna() > 0).all()
    assert reports["wallclock"].min() >= 0
    assert (reports.groupby("trial_id")["elapsed"].diff().dropna() >= 0).all()
    assert reports["validation_error"].dtype == float
    assert reports["validation_error"].isna().sum() == 1


def test_settings_and_the_best_configuration(finished: Project) -> None:
    found = hpo.load_campaign(finished.output)
    assert found.best_config == finished.final()["best_config"]
    assert found.settings["hpo"]["n_trials"] == 8
    assert found.settings["hpo"]["seed"] == 7


def test_files_torn_missing_or_of_somebody_else_are_left_out(
    finished: Project, tmp_path: Path
) -> None:
    """As a reader on another node may find them while the campaign runs."""
    folder = tmp_path / "copy"
    shutil.copytree(finished.output, folder)
    results = folder / "results"
    (results / "trial_0.json").write_text('{"trial_id": 0, "status": "comp')
    (results / "trial_1.json").unlink()
    (results / "trial_2.json").write_text("[]")
    (results / "trial_x.json").write_text("{}")
    (results / ".trial_9.json.ab12.tmp").write_text("{")
    (results / "trial_5.json").write_text('{"trial_id": 5, "config": null, "reports": null}')
    (folder / "best_config.json").write_text("{")
    (folder / "final_results.json").unlink()
    found = hpo.load_campaign(folder)
    assert list(found.trials.index) == [3, 4, 5, 6, 7]
    assert set(found.reports["trial_id"]) == {4, 6, 7}
    assert found.best_config is None


def test_a_campaign_without_any_result_gives_empty_frames(
    finished: Project, tmp_path: Path
) -> None:
    folder = tmp_path / "young"
    folder.mkdir()
    shutil.copy(finished.output / "campaign.json", folder)
    for _ in range(2):
        found = hpo.load_campaign(folder)
        assert found.trials.empty
        assert found.reports.empty
        assert {"status", "error", "training_time"} <= set(found.trials)
        assert "trial_id" in found.reports
        assert found.trials["error"].mean() != found.trials["error"].mean()
        (folder / "results").mkdir(exist_ok=True)


def test_only_failed_trials_give_frames_too(finished: Project, tmp_path: Path) -> None:
    folder = tmp_path / "failed"
    shutil.copytree(finished.output, folder)
    for path in (folder / "results").iterdir():
        if path.name != "trial_3.json":
            path.unlink()
    found = hpo.load_campaign(folder)
    assert found.trials["error"].isna().all()
    assert found.trials["error"].dtype == float
    assert found.reports.empty


def test_where_there_is_no_campaign_the_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"campaign\.json is missing or unreadable"):
        hpo.load_campaign(tmp_path / "nothing")


def test_a_campaign_is_read_while_it_runs(tmp_path: Path) -> None:
    with user_project(tmp_path) as project:
        project.write(
            "trial.report(epoch=1, validation_error=1.0)\n"
            "if trial.trial_id: wait_for('go')\n"
            "trial.report(epoch=2, validation_error=0.5)",
            n_trials=3,
        )
        child = project.start()
        wait_until(lambda: len(project.started()) == 3, "the first trial has ended")
        wait_until((project.output / "best_config.json").exists, "the manager has seen it")
        found = hpo.load_campaign(project.output)
        assert list(found.trials.index) == [0]
        assert found.trials.loc[0, "error"] == 0.5
        assert found.best_config == project.result(0)["config"]
        assert list(found.reports["epoch"]) == [1, 2]
        status = json.loads((project.output / "status.json").read_text())
        assert status["trials"]["completed"] == 1
        assert (project.output / "trials" / "trial_0" / "config.json").exists()
        project.go()
        assert child.wait(timeout=60) == 0


ODD = [
    "",
    "{",
    "[]",
    "5",
    "[" * 10**5,
    '{"trial_id": 2}',
    '{"trial_id": "2"}',
    '{"trial_id": 2, "error": "low"}',
    '{"trial_id": 2, "config": [1], "additional_info": 3}',
    '{"trial_id": 2, "additional_info": {"training_time": "long", "start_time": []}}',
    '{"trial_id": 2, "reports": {"epoch": 1}}',
    '{"trial_id": 2, "reports": [3, {"epoch": 1, "time": "noon"}, {"time": 1, "elapsed": []}]}',
]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_a_damaged_result_is_left_out_and_the_others_are_read(
    finished: Project, tmp_path: Path, text: str
) -> None:
    copy = shutil.copytree(finished.output, tmp_path / "copy")
    (copy / "results" / "trial_2.json").write_text(text)
    frames = hpo.load_campaign(copy)
    assert set(frames.trials.index) >= {0, 1, 3, 4, 5, 6, 7}
    assert frames.trials.loc[1, "error"] == finished.result(1)["error"]
    assert (frames.reports["wallclock"] >= 0).all()


def test_a_result_of_absurd_size_is_left_out(finished: Project, tmp_path: Path) -> None:
    copy = shutil.copytree(finished.output, tmp_path / "copy")
    with (copy / "results" / "trial_2.json").open("r+b") as file:
        file.truncate(70 * 2**20)  # a hole: it costs no disk
    assert 2 not in hpo.load_campaign(copy).trials.index


@pytest.mark.parametrize("skew_s", [-600.0, 600.0])
def test_a_node_whose_clock_is_minutes_off_leaves_times_that_make_sense(
    finished: Project, tmp_path: Path, skew_s: float
) -> None:
    copy = shutil.copytree(finished.output, tmp_path / "copy")
    result = finished.result(2)
    for report in result["reports"]:
        report["time"] += skew_s
    for name in ("start_time", "end_time"):
        result["additional_info"][name] += skew_s
    (copy / "results" / "trial_2.json").write_text(json.dumps(result))
    frames = hpo.load_campaign(copy)
    assert (frames.reports["wallclock"] >= 0).all()
    assert (frames.reports["elapsed"] >= 0).all()
    assert (frames.trials["training_time"].dropna() >= 0).all()
