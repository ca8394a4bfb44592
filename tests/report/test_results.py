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
from hpo.report.curves import read_curves

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
    assert set(trials["hidden_sizes"]) <= {(1024, 512, 256), (2048, 1024, 512)}
    for name in ("batch_size", "hidden_sizes"):
        assert trials.groupby(name)["error"].mean().notna().any()


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
    (results / "all.jsonl").unlink()  # as after every change by hand
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
        reports = [project.output / f"trials/trial_{i}/reports-a0.jsonl" for i in (1, 2)]
        wait_until(lambda: all(path.exists() and path.read_text() for path in reports), "reports")
        found = hpo.load_campaign(project.output)
        assert list(found.trials.index) == [0, 1, 2]
        assert list(found.trials["status"]) == ["completed", "running", "running"]
        assert found.trials.loc[0, "error"] == 0.5
        assert found.trials["error"].isna().tolist() == [False, True, True]
        assert found.trials["lr"].nunique() == 3
        assert found.trials["resource"].tolist() == [2, 1, 1]
        assert found.best_config == project.result(0)["config"]
        assert list(found.reports["trial_id"]) == [0, 0, 1, 2]
        assert list(found.reports["epoch"]) == [1, 2, 1, 1]
        assert (found.reports["wallclock"] >= 0).all()
        status = json.loads((project.output / "status.json").read_text())
        assert status["trials"]["completed"] == 1
        assert (project.output / "trials" / "trial_0" / "config.json").exists()
        project.go()
        assert child.wait(timeout=60) == 0


def test_a_trial_that_goes_on_is_brought_up_to_date(finished: Project, tmp_path: Path) -> None:
    """As between two rungs: it has a result, and a job holds its next leg."""
    copy = shutil.copytree(finished.output, tmp_path / "copy")
    claim = "trial_0.rung_1.a1.job_9.json"
    (copy / "claims" / claim).write_text("{}")
    (copy / "claims" / "trial_77.rung_0.a0.job_8.json").write_text("{}")
    (copy / "claims" / "trial_1.rung_1.a1.job_9.done.json").write_text("{}")
    more = {"epoch": 30, "validation_error": 0.1, "time": 9e10, "elapsed": 1.0}
    (copy / "trials" / "trial_0" / "reports-a1.jsonl").write_text(json.dumps(more) + "\n{torn")
    trials, reports = hpo.load_campaign(copy).trials, hpo.load_campaign(copy).reports
    assert list(trials.loc[0, ["status", "job_id", "resource"]]) == ["running", "9", 30]
    assert trials.loc[0, "error"] == finished.result(0)["error"]
    assert list(trials.loc[77, ["status", "job_id", "resource"]]) == ["running", "8", 0]
    assert trials.loc[1, "status"] == "completed"
    assert reports.query("trial_id == 0")["epoch"].max() == 30
    shutil.rmtree(copy / "claims")
    assert list(hpo.load_campaign(copy).trials.index) == list(range(8))


def test_one_file_holds_what_the_result_files_hold(finished: Project, tmp_path: Path) -> None:
    copy = shutil.copytree(finished.output, tmp_path / "copy")
    for path in (copy / "results").glob("trial_*.json"):
        path.write_text("{")
    together = hpo.load_campaign(copy)
    shutil.copytree(finished.output, copy, dirs_exist_ok=True)
    (copy / "results" / "all.jsonl").unlink()
    one_by_one = hpo.load_campaign(copy)
    pd.testing.assert_frame_equal(together.trials, one_by_one.trials)
    # Times of reports are rounded to a millisecond there.
    pd.testing.assert_frame_equal(together.reports, one_by_one.reports, rtol=0, atol=2e-3)


def test_results_that_the_one_file_lacks_are_read_where_they_lie(
    finished: Project, tmp_path: Path
) -> None:
    copy = shutil.copytree(finished.output, tmp_path / "copy")
    path = copy / "results" / "all.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    everything = hpo.load_campaign(copy).trials
    for text in (
        "".join(lines[2:]),  # behind
        "".join(lines[2:])[:-20],  # a line that is being written
        "".join(lines[:4]) + lines[4][:90] + "\n" + "".join(lines[5:]),  # torn in the middle
        "",
    ):
        path.write_text(text)
        pd.testing.assert_frame_equal(hpo.load_campaign(copy).trials, everything)


def test_a_result_published_a_moment_ago_counts_and_not_its_older_line(
    finished: Project, tmp_path: Path
) -> None:
    copy = shutil.copytree(finished.output, tmp_path / "copy")
    (copy / "claims" / "trial_0.rung_1.a1.job_9.done.json").write_text("{}")
    newer = finished.result(0) | {"attempt": 1, "error": 0.125}
    (copy / "results" / "trial_0.json").write_text(json.dumps(newer))
    assert hpo.load_campaign(copy).trials.loc[0, "error"] == 0.125


def test_names_of_hyperparameters_and_reports_never_replace_those_of_the_frames(
    tmp_path: Path,
) -> None:
    with user_project(tmp_path) as project:
        project.write(
            "trial.report(epoch=1, validation_error=1.0, trial_id=7, wallclock=-5.0, status=3)",
            space="""{'error': [0.5, 0.25], 'status': 'fine', 'trial_id': 9, 'x': [{'a': 1}, 'b'],
                'opt': {'lr': loguniform(1e-4, 1e-2), 'sizes': [[1, 2], [3, 4]]},
                'deep': [[1, [2, {'k': 3}]]]}""",
            n_trials=2,
            metric="wallclock",
            mode="max",
        )
        project.finish(executor="simulated")
        found = hpo.load_campaign(project.output.with_name(project.output.name + "-simulated"))
    trials, reports = found.trials, found.reports
    assert list(trials["error"]) == [-5.0, -5.0]
    assert set(trials["config.error"]) <= {0.5, 0.25}
    assert set(trials["config.status"]) == {"fine"}
    assert set(trials["config.trial_id"]) == {9}
    assert (trials["status"] == "completed").all()
    assert trials["opt.lr"].between(1e-4, 1e-2).all()
    assert set(trials["opt.sizes"]) <= {(1, 2), (3, 4)}
    assert set(trials["deep"]) == {(1, (2, '{"k":3}'))}
    for name in ("opt.sizes", "deep"):
        assert trials.groupby(name).size().sum() == 2
    assert list(reports["trial_id"]) == [0, 1]
    assert list(reports["reported.trial_id"]) == [7, 7]
    assert list(reports["reported.wallclock"]) == [-5.0, -5.0]
    assert (reports["wallclock"] >= 0).all()
    assert [curve.value.tolist() for curve in read_curves(found).drawn] == [[-5.0], [-5.0]]


def test_a_long_history_is_whole_in_the_frames_and_in_part_in_the_result(tmp_path: Path) -> None:
    with user_project(tmp_path) as project:
        project.write(
            "for epoch in range(1, 8):\n"
            "    trial.report(epoch=epoch, validation_error=1 / epoch,"
            " **{f'norm_{i:040}': float(i) for i in range(100_000)})",
            n_trials=1,
            space="{'max_epochs': 7}",
        )
        project.finish()
        result, found = project.result(0), hpo.load_campaign(project.output)
    assert [report["epoch"] for report in result["reports"]] == [1, 4, 7]
    assert result["reports_left_out"] == 4
    assert (result["status"], result["error"]) == ("completed", 1 / 7)
    assert list(found.reports["epoch"]) == list(range(1, 8))


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
    (copy / "results" / "all.jsonl").unlink()
    (copy / "results" / "trial_2.json").write_text(text)
    frames = hpo.load_campaign(copy)
    assert set(frames.trials.index) >= {0, 1, 3, 4, 5, 6, 7}
    assert frames.trials.loc[1, "error"] == finished.result(1)["error"]
    assert (frames.reports["wallclock"] >= 0).all()


def test_a_result_of_absurd_size_is_left_out(finished: Project, tmp_path: Path) -> None:
    copy = shutil.copytree(finished.output, tmp_path / "copy")
    (copy / "results" / "all.jsonl").unlink()
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
    (copy / "results" / "all.jsonl").unlink()
    (copy / "results" / "trial_2.json").write_text(json.dumps(result))
    frames = hpo.load_campaign(copy)
    assert (frames.reports["wallclock"] >= 0).all()
    assert (frames.reports["elapsed"] >= 0).all()
    assert (frames.trials["training_time"].dropna() >= 0).all()


def test_nothing_in_a_frame_is_obeyed_by_a_terminal_or_a_notebook(tmp_path: Path) -> None:
    evil = "a\x1b[2J\nto go on: x\u202e"
    (tmp_path / "results").mkdir()
    (tmp_path / "campaign.json").write_text('{"settings": {}}')
    result = {
        "trial_id": 0,
        "status": evil,
        "error": 0.5,
        "config": {evil: evil, "lr": 1},
        "reports": [{"epoch": 1, evil: 1, "time": 1.0}],
    }
    (tmp_path / "results" / "trial_0.json").write_text(json.dumps(result))
    found = hpo.load_campaign(tmp_path)
    for frame in (found.trials, found.reports, found.trials.head(), found.trials.T):
        for text in (repr(frame), str(frame), frame.to_string(), frame._repr_html_()):
            assert text.replace("\n", "").isprintable()
            assert "\nto go on" not in text
    for text in (repr(found.trials["status"]), found.trials["status"].to_string()):
        assert text.replace("\n", "").isprintable()
    assert found.trials.loc[0, "status"] == evil  # the value is what it was
    assert found.trials.loc[0, evil] == evil
