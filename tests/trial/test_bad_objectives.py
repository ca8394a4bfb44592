"""Objectives that misbehave in every way: a failed trial with its cause; the campaign goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from user_project import Project, strict_json, user_project

# One trial each; the first is sound, so that the circuit breaker stays out of it.
WAYS = {
    "sound": "trial.report(epoch=1, validation_error=1.0)",
    "raises": 'raise ValueError("no such column \\u00e9\\ud800")',
    "nan": 'trial.report(epoch=1, validation_error=float("nan"))',
    "infinite": 'trial.report(epoch=1, validation_error=float("-inf"))',
    "nothing": "return 0.1",
    "text": 'trial.report(epoch=1, validation_error="0.1")',
    "other": "trial.report(epoch=1, validation_eror=0.1)",
    "backwards": "trial.report(epoch=2, validation_error=1); trial.report(epoch=1, loss=1)",
    "exits": "sys.exit(3)",
    "killed": "os.kill(os.getpid(), 9)",
    "leaves": "os._exit(0)",
    "crashes": "os._exit(139)",
    "loud": 'print("x" * 5_000_000); raise ValueError("y" * 3_000_000)',
    "huge": "trial.report(epoch=1, validation_error=10**400)",
    "vanishes": "raise Silent",
    "deep": "deep(trial, config)",
    "bytes": 'os.write(1, b"\\xff\\xfe\\x1b[31m"); raise ValueError("after bytes")',
    "pops": "config.clear(); trial.report(epoch=1, validation_error=0.5)",
    "signals": "signal.raise_signal(signal.SIGINT)",
}
HEAD = """
import os, signal, sys

class Silent(BaseException):
    def __str__(self):
        raise RuntimeError("no text")
"""


@pytest.fixture(scope="module")
def misbehaved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """One campaign with all of them; each test looks at its own trial."""
    with user_project(tmp_path_factory.mktemp("misbehaved")) as project:
        functions = [f"def {way}(trial, config):\n    {body}\n" for way, body in WAYS.items()]
        (project.folder / "ways.py").write_text(HEAD + "".join(functions))
        project.write(
            'import ways; getattr(ways, config["way"])(trial, config)',
            space=repr({"way": list(WAYS), "max_epochs": 3}),
            points_to_evaluate=[{"way": way} for way in WAYS],
            n_trials=len(WAYS),
            max_lost_legs=1,
        )
        project.finish()
        yield project


def result_of(project: Project, way: str) -> dict[str, Any]:
    result = project.result(list(WAYS).index(way))
    assert result["config"]["way"] == way
    return result


def test_the_campaign_goes_on_and_ends(misbehaved: Project) -> None:
    final = misbehaved.final()
    assert final["n_trials"] == len(WAYS)
    assert final["best_config"]["way"] == "pops"
    assert final["best_error"] == 0.5
    again = list(WAYS).index("signals")  # counts as asked to leave
    assert misbehaved.started() == {i: 1 + (i == again) for i in range(len(WAYS))}


def test_every_file_is_standard_json(misbehaved: Project) -> None:
    files = [p for p in misbehaved.output.rglob("*.json") if p.parent.name != "live"]
    assert len(files) > 3 * len(WAYS)
    for path in files:
        strict_json(path.read_text(encoding="utf-8"))
    for path in misbehaved.output.rglob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            strict_json(line)


@pytest.mark.parametrize(
    ("way", "cause", "message"),
    [
        ("raises", "ValueError", "no such column"),
        ("nothing", "no_report", "call trial.report(epoch=…, validation_error=…)"),
        ("text", "ReportError", "report(validation_error=…) got a str '0.1', not a number"),
        ("other", "ReportError", "Is validation_eror meant? Rename it there"),
        ("backwards", "ReportError", "report() without the metric validation_error"),
        ("exits", "SystemExit", "the objective called sys.exit(3)"),
        ("killed", "killed", "killed by SIGKILL"),
        ("leaves", "killed", "exit code 0 and without a result"),
        ("crashes", "killed", "exit code 139 and without a result"),
        ("loud", "ValueError", "yyyy"),
        ("huge", "ReportError", "larger than any number"),
        ("vanishes", "Silent", "its text cannot be shown: RuntimeError"),
        ("signals", "lost_too_often", "interrupted"),
        ("deep", "RecursionError", "maximum recursion depth exceeded"),
        ("bytes", "ValueError", "after bytes"),
    ],
)
def test_a_failed_trial_says_why(misbehaved: Project, way: str, cause: str, message: str) -> None:
    result = result_of(misbehaved, way)
    assert (result["status"], result["cause"], result["error"]) == ("failed", cause, None)
    assert message in result["message"]
    assert result["additional_info"]["training_time"] >= 0
    if cause not in ("killed", "no_report", "lost_too_often"):
        assert "Traceback" in result["traceback"]
        assert "ways.py" in result["traceback"]


@pytest.mark.parametrize(("way", "word"), [("nan", "nan"), ("infinite", "-inf")])
def test_a_metric_that_is_not_finite_is_the_worst_result(
    misbehaved: Project, way: str, word: str
) -> None:
    result = result_of(misbehaved, way)
    assert (result["status"], result["error"]) == ("completed", None)
    assert word in result["message"]
    assert result["reports"][0]["not_finite"] == {"validation_error": word}


def test_a_result_stays_small_whatever_was_printed(misbehaved: Project) -> None:
    result = result_of(misbehaved, "loud")
    assert len(result["message"]) + len(result["traceback"]) < 50_000
    log = misbehaved.output / "jobs" / f"{result['job_id']}.out"
    assert log.stat().st_size > 5_000_000
    assert (misbehaved.output / "journal.jsonl").stat().st_size < 200_000
    campaign_log = next(misbehaved.output.glob("hpo_campaign_*.log"))
    assert campaign_log.stat().st_size < 100_000


def test_the_whole_configuration_is_kept_though_the_objective_changes_its_own(
    misbehaved: Project,
) -> None:
    assert result_of(misbehaved, "pops")["config"] == {"way": "pops", "max_epochs": 3}


def test_many_that_die_at_once_are_failed_trials_and_no_broken_environment(tmp_path: Path) -> None:
    with user_project(tmp_path) as project:
        project.write("os._exit(1)", n_trials=8, max_concurrent_jobs=8, max_initial_failures=0)
        done = project.run()
        assert "died before they took a trial" not in done.stdout
        assert [project.result(i)["cause"] for i in range(8)] == ["killed"] * 8
