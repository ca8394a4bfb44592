"""What a user's code does with a trial: report, go through the epochs, save and restore."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.errors import ReportError
from hpo.trial.reporter import Reporter, reporting_to
from hpo.trial.trial import Trial, TrialInterrupted


def make_trial(folder: Path, **changes: Any) -> Trial:
    usual: dict[str, Any] = {"trial_id": 3, "config": {"lr": 0.1}, "folder": folder, "attempt": 1}
    return Trial(**(usual | changes))


def lines(folder: Path, attempt: int = 1) -> list[dict[str, Any]]:
    text = (folder / f"reports-a{attempt}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


class Counter:
    """The smallest thing that can be checkpointed."""

    def __init__(self) -> None:
        self.count = 0

    def state_dict(self) -> dict[str, int]:
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.count = state["count"]


class TestReport:
    def test_writes_one_line_with_times(self, tmp_path: Path) -> None:
        ticks = iter([100.0, 103.0, 107.0])
        trial = make_trial(tmp_path, clock=lambda: next(ticks))
        trial.report(epoch=1, validation_error=0.5)
        trial.report(epoch=2, validation_error=0.25, accuracy=0.75)
        first, second = lines(tmp_path)
        assert first == {"epoch": 1, "validation_error": 0.5, "time": 103.0, "elapsed": 3.0}
        assert second["accuracy"] == 0.75
        assert trial.history == [first, second]
        assert trial.resource == 2

    def test_counts_on_when_the_resource_is_left_out(self, tmp_path: Path) -> None:
        trial = make_trial(tmp_path)
        trial.report(validation_error=1)
        trial.report(epoch=4, validation_error=1)
        trial.report(validation_error=1)
        assert [line["epoch"] for line in lines(tmp_path)] == [1, 4, 5]

    @pytest.mark.parametrize("value", [np.float32(0.5), np.array(0.5), np.int64(2), 1, 0.5])
    def test_takes_scalars_of_python_and_numpy(self, tmp_path: Path, value: Any) -> None:
        make_trial(tmp_path).report(epoch=np.int64(1), validation_error=value)
        assert lines(tmp_path)[0]["validation_error"] == float(value)

    def test_takes_scalars_of_torch(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")
        make_trial(tmp_path).report(
            epoch=torch.tensor(1), validation_error=torch.tensor(0.5, requires_grad=True)
        )
        assert lines(tmp_path)[0]["validation_error"] == 0.5

    @pytest.mark.parametrize(("value", "word"), [(math.nan, "nan"), (-math.inf, "-inf")])
    def test_stores_what_is_not_finite_as_standard_json(
        self, tmp_path: Path, value: float, word: str
    ) -> None:
        make_trial(tmp_path).report(epoch=1, validation_error=value)
        (line,) = lines(tmp_path)
        assert line["validation_error"] is None
        assert line["not_finite"] == {"validation_error": word}

    def test_follows_names_of_the_campaign(self, tmp_path: Path) -> None:
        trial = make_trial(tmp_path, metric="loss", resource_attr="step")
        trial.report(step=10, loss=0.1)
        assert lines(tmp_path)[0] | {"time": 0, "elapsed": 0} == {
            "step": 10,
            "loss": 0.1,
            "time": 0,
            "elapsed": 0,
        }

    @pytest.mark.parametrize(
        ("metrics", "words"),
        [
            ({"epoch": 1, "val_error": 0.5}, ["validation_error", "val_error", "meant"]),
            ({"epoch": 1}, ["without the metric validation_error", "epoch"]),
            ({"validation_error": "0.5"}, ["validation_error", "str", "'0.5'"]),
            ({"validation_error": True}, ["bool", "True"]),
            ({"validation_error": np.True_}, ["bool"]),
            ({"validation_error": None}, ["NoneType"]),
            ({"validation_error": np.zeros(2)}, ["ndarray", "shape (2,)"]),
            ({"validation_error": 1.0, "note": "ok"}, ["note", "str"]),
            ({"validation_error": 1.0, "elapsed": 2.0}, ["elapsed", "another name"]),
            ({"epoch": 1.5, "validation_error": 1.0}, ["epoch", "whole number"]),
            ({"epoch": 0, "validation_error": 1.0}, ["epoch=0", "count from 1"]),
            ({"epoch": 11, "validation_error": 1.0}, ["ends at epoch 10", "trial.epochs()"]),
        ],
    )
    def test_refuses_what_is_no_report(
        self, tmp_path: Path, metrics: dict[str, Any], words: list[str]
    ) -> None:
        trial = make_trial(tmp_path, target=10)
        with pytest.raises(ReportError) as caught:
            trial.report(**metrics)
        assert all(word in str(caught.value) for word in ["trial 3", *words])
        assert not (tmp_path / "reports-a1.jsonl").exists()

    def test_refuses_an_epoch_reported_before(self, tmp_path: Path) -> None:
        trial = make_trial(tmp_path)
        trial.report(epoch=2, validation_error=1.0)
        with pytest.raises(ReportError, match="after epoch 2"):
            trial.report(epoch=2, validation_error=1.0)


class TestEpochs:
    def test_run_from_the_resume_point_to_the_target(self, tmp_path: Path) -> None:
        trial = make_trial(tmp_path, target=3)
        assert list(trial.epochs()) == [1, 2, 3]
        assert trial.max_resource == 3

    def test_need_to_know_the_end(self, tmp_path: Path) -> None:
        with pytest.raises(ReportError, match="max_epochs"):
            make_trial(tmp_path).epochs()


def train(trial: Trial, counter: Counter, log: list[float] | None = None) -> None:
    notes = log if log is not None else []
    trial.restore(counter=counter, notes=notes)
    for epoch in trial.epochs():
        counter.count += epoch
        notes.append(epoch / 10)
        trial.report(epoch=epoch, validation_error=1 / counter.count)


class TestCheckpoints:
    def test_nothing_to_restore_at_first(self, tmp_path: Path) -> None:
        assert make_trial(tmp_path).restore(counter=Counter()) == 0

    def test_written_at_the_interval_and_at_the_target(self, tmp_path: Path) -> None:
        train(make_trial(tmp_path, target=7, checkpoint_interval=5), Counter())
        names = sorted(path.name for path in (tmp_path / "checkpoint").iterdir())
        assert names == ["epoch_5-a1", "epoch_7-a1"]

    def test_interval_zero_saves_only_at_the_end(self, tmp_path: Path) -> None:
        train(make_trial(tmp_path, target=7, checkpoint_interval=0), Counter())
        assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["epoch_7-a1"]

    def test_asked_to_leave_saves_and_ends(self, tmp_path: Path) -> None:
        trial = make_trial(
            tmp_path,
            target=10,
            checkpoint_interval=100,
            asked_to_leave=lambda: len(lines(tmp_path)) == 4,
        )
        with pytest.raises(TrialInterrupted):
            train(trial, Counter())
        resumed, counter, log = make_trial(tmp_path, target=10, attempt=2), Counter(), [99.0]
        train(resumed, counter, log)
        assert counter.count == sum(range(1, 11))
        assert log == [epoch / 10 for epoch in range(1, 11)]
        assert [line["epoch"] for line in lines(tmp_path, attempt=2)] == [5, 6, 7, 8, 9, 10]
        assert [report["epoch"] for report in resumed.history] == list(range(1, 11))

    def test_asked_to_leave_at_the_target_just_returns(self, tmp_path: Path) -> None:
        trial = make_trial(tmp_path, target=1, asked_to_leave=lambda: True)
        train(trial, Counter())
        assert trial.resource == 1

    def test_users_except_exception_does_not_keep_the_trial(self, tmp_path: Path) -> None:
        trial = make_trial(tmp_path, asked_to_leave=lambda: True)

        def objective() -> None:
            try:
                trial.report(validation_error=1.0)
            except Exception:  # noqa: BLE001  # because users' code does so
                pytest.fail("swallowed")

        with pytest.raises(TrialInterrupted):
            objective()

    def test_history_holds_each_epoch_once_after_a_loss(self, tmp_path: Path) -> None:
        first = make_trial(tmp_path, target=10, attempt=1, checkpoint_interval=2)
        first.restore(counter=Counter())
        for epoch in range(1, 6):  # lost after epoch 5, whose checkpoint is that of epoch 4
            first.report(epoch=epoch, validation_error=0.1)
        second = make_trial(tmp_path, target=10, attempt=2, checkpoint_interval=2)
        assert second.restore(counter=Counter()) == 4
        for epoch in second.epochs():
            second.report(epoch=epoch, validation_error=0.2)
        third = make_trial(tmp_path, target=10, attempt=3)
        assert third.restore(counter=Counter()) == 10
        assert list(third.epochs()) == []
        values = [(report["epoch"], report["validation_error"]) for report in third.history]
        assert values == [(e, 0.1) for e in range(1, 5)] + [(e, 0.2) for e in range(5, 11)]

    def test_a_broken_one_falls_back_with_a_warning(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        train(make_trial(tmp_path, target=6), Counter())
        (tmp_path / "checkpoint" / "epoch_6-a1" / "counter.state.json").write_text("{}")
        counter = Counter()
        with caplog.at_level(logging.WARNING):
            assert make_trial(tmp_path, attempt=2).restore(counter=counter) == 5
        assert counter.count == 15
        assert "epoch_6-a1" in caplog.text

    def test_restore_after_a_report_is_refused(self, tmp_path: Path) -> None:
        trial = make_trial(tmp_path)
        trial.report(validation_error=1.0)
        with pytest.raises(ReportError, match="before the training"):
            trial.restore(counter=Counter())

    def test_objects_without_state_are_refused_at_once(self, tmp_path: Path) -> None:
        no_model: Any = object()
        with pytest.raises(ReportError, match=r"restore\(model=…\) got builtins.object"):
            make_trial(tmp_path).restore(model=no_model)

    def test_save_without_objects_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(ReportError, match="restore"):
            make_trial(tmp_path).save()

    def test_own_files_stay_beside_the_checkpoints(self, tmp_path: Path) -> None:
        trial = make_trial(tmp_path, target=9)
        (trial.checkpoint_dir / "mine.txt").write_text("kept")
        train(trial, Counter())
        later = make_trial(tmp_path, attempt=2)
        assert (later.checkpoint_dir / "mine.txt").read_text() == "kept"


def test_the_config_is_the_objectives_own_copy(tmp_path: Path) -> None:
    config = {"hidden_sizes": [4, 2]}
    make_trial(tmp_path, config=config).config["hidden_sizes"].pop()
    assert config == {"hidden_sizes": [4, 2]}


class TestReporter:
    def test_reports_to_the_running_trial(self, tmp_path: Path) -> None:
        trial = make_trial(tmp_path)
        report = Reporter()
        with reporting_to(trial):
            report(epoch=1, validation_error=0.5)
        assert trial.history[0]["validation_error"] == 0.5

    def test_outside_of_a_trial_says_so(self) -> None:
        with pytest.raises(ReportError, match="outside a trial"):
            Reporter()(validation_error=0.5)
