"""What a leg comes to whose objective returns: early, with a number, or with something else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.job.ending import train
from hpo.record.goal import Goal
from hpo.record.result import Outcome, Result
from hpo.trial.trial import Trial

GOAL = Goal("loss")
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def _run(objective: Callable[..., Any], goal: Goal = GOAL, **changes: Any) -> Result:
        about: dict[str, Any] = {"attempt": 0, "target": 9, "metric": "loss"} | changes
        trial = Trial(trial_id=3, config={"lr": 0.1}, folder=tmp_path, **about)
        return train(trial, lambda: objective, goal)

    return _run


def reports(*losses: float, first: int = 1) -> Callable[..., None]:
    def objective(config: Any, trial: Trial) -> None:
        for epoch, loss in enumerate(losses, first):
            trial.report(epoch=epoch, loss=loss)

    return objective


def returns(value: object) -> Callable[..., object]:
    def objective(config: Any, trial: Trial) -> object:
        return value

    return objective


class TestEarly:
    def test_before_its_end(self, run: Run) -> None:
        assert run(reports(0.5, 0.4)) == Result(Outcome.COMPLETED, 0.4, 2, 0.0, early=True)

    def test_at_its_end_and_without_one(self, run: Run) -> None:
        assert not run(reports(0.5, 0.4), target=2).early
        assert not run(reports(0.5), target=None).early

    @pytest.mark.parametrize(
        ("epochs", "end"), [((3, 6, 8), 9), ((4, 8), 9), ((3, 6), None), ((1, 4, 5), None)]
    )
    @pytest.mark.parametrize("final", [True, False])
    def test_not_where_no_other_report_was_due(
        self, run: Run, epochs: tuple[int, ...], end: int | None, final: bool
    ) -> None:
        def objective(config: Any, trial: Trial) -> None:
            for epoch in epochs:
                trial.report(epoch=epoch, loss=1 / epoch)

        found = run(objective, final=final)
        assert (found.resource, found.early) == (end or epochs[-1], end is None)
        assert found.metric == 1 / epochs[-1]

    def test_of_a_later_attempt_that_has_nothing_more_to_report(self, run: Run) -> None:
        run(reports(0.5, 0.4), target=2)
        found = run(returns(None), attempt=1)
        assert found == Result(Outcome.COMPLETED, 0.4, 2, 0.0, early=True)

    def test_before_any_report(self, run: Run) -> None:
        found = run(returns(None))
        assert (found.outcome, found.cause) == (Outcome.FAILED, "no_report")


class TestWorth:
    def test_its_best_over_all_attempts(self, run: Run) -> None:
        best = GOAL._replace(trial_value="best")
        assert run(reports(0.5, 0.1, 0.4), best, target=3).metric == 0.1
        # Its code goes on from what it saved itself.
        assert run(reports(0.3, 0.2, first=4), best, attempt=1).metric == 0.1
        # It begins again.
        assert run(reports(0.3, 0.2), best, attempt=2).metric == 0.2

    def test_not_finite(self, run: Run) -> None:
        losses = (0.5, float("nan"))
        last = run(reports(*losses), target=2)
        assert (last.metric, last.message) == (None, "loss was nan: counts as worst")
        best = GOAL._replace(trial_value="best")
        assert run(reports(*losses), best, target=2).metric == 0.5


class TestReturned:
    @pytest.mark.parametrize(
        ("value", "loss"),
        [(0.25, 0.25), (3, 3.0), (np.float32(0.5), 0.5), ({"loss": 0.5, "acc": 1, "x": "y"}, 0.5)],
    )
    def test_a_number_is_a_report(self, run: Run, value: object, loss: float) -> None:
        assert run(returns(value)) == Result(Outcome.COMPLETED, loss, 9, 0.0)
        assert run(returns(value), target=None).resource == 1

    def test_a_dict_may_tell_its_epoch(self, run: Run) -> None:
        found = run(returns({"loss": 0.5, "epoch": 4}))
        assert (found.resource, found.early) == (4, True)
        assert run(returns({"loss": 0.5, "epoch": 40})).outcome is Outcome.FAILED

    def test_at_a_rung_it_pauses(self, run: Run) -> None:
        assert run(returns(0.5), final=False) == Result(Outcome.COMPLETED, 0.5, 9, 0.0)

    def test_after_reports_it_is_not_used(self, run: Run, caplog: Any) -> None:
        def objective(config: Any, trial: Trial) -> float:
            trial.report(epoch=9, loss=0.5)
            return 0.1

        assert run(objective).metric == 0.5
        assert "the float that the objective returned is not used: it has reported" in caplog.text

    @pytest.mark.parametrize("value", ["0.5", True, {"error": 0.5}, [0.5], object()])
    def test_something_else_is_told(self, run: Run, caplog: Any, value: object) -> None:
        found = run(returns(value))
        kind = type(value).__name__
        assert found.cause == "no_report"
        assert f"returned a {kind} without reporting" in (found.message or "")
        assert f"the {kind} that the objective returned is not used" in caplog.text
