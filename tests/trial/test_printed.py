"""Lines with Syne Tune's tag that a function prints are its reports."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from hpo.errors import ReportError
from hpo.trial.objective import call
from hpo.trial.trial import Trial, TrialInterrupted

say = print  # as an objective does


def line(**metrics: object) -> str:
    return f"[tune-metric]: {json.dumps(metrics)}"


def make_trial(folder: Path, **changes: Any) -> Trial:
    usual: dict[str, Any] = {"trial_id": 3, "config": {"lr": 0.1}, "folder": folder, "attempt": 0}
    return Trial(**(usual | changes))


def test_lines_are_reports_and_go_to_the_log_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial = make_trial(tmp_path)

    def objective(lr: float) -> None:
        say("50 %\r100 %", line(epoch=1, validation_error=lr, st_worker_iter=0))
        sys.stdout.writelines(["no report\n", line(validation_error=0.05), "\n"])
        say(line(epoch=3, validation_error=0.01), end="")
        assert sys.stdout.fileno is not None
        sys.stdout.flush()
        say("\r\n[tune-metric]: {torn")

    call(objective, trial)
    say(line(epoch=9, validation_error=9))
    assert [report["epoch"] for report in trial.history] == [1, 2, 3]
    assert "st_worker_iter" not in trial.history[0]
    assert "no report" in capsys.readouterr().out


def test_what_a_report_raises_ends_the_objective(tmp_path: Path) -> None:
    def objective(lr: float) -> None:
        for epoch in range(1, 9):
            say(line(epoch=epoch, validation_error=lr))

    with pytest.raises(TrialInterrupted):
        call(objective, make_trial(tmp_path, target=2, final=False))
    with pytest.raises(ReportError, match="without the metric accuracy"):
        call(objective, make_trial(tmp_path / "other", metric="accuracy"))


def test_an_objective_that_tells_its_trial_may_print_the_same(tmp_path: Path) -> None:
    trial = make_trial(tmp_path)

    def objective(config: dict[str, Any], trial: Trial) -> None:
        for epoch in (1, 2):
            trial.report(epoch=epoch, validation_error=1.0)
            say(line(epoch=epoch, validation_error=1.0))

    call(objective, trial)
    assert len(trial.history) == 2


def test_who_keeps_the_output_of_a_trial_that_is_over_reports_nothing(tmp_path: Path) -> None:
    trial, kept = make_trial(tmp_path), []

    def objective(lr: float) -> None:
        kept.append(sys.stdout)
        say(line(epoch=1, validation_error=lr))

    call(objective, trial)
    thread = threading.Thread(
        target=lambda: kept[0].write(line(epoch=2, validation_error=1) + "\n")
    )
    thread.start()
    thread.join()
    assert len(trial.history) == 1
