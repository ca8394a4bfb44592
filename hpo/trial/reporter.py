"""Reporting without a `trial` at hand: from keyword-style objectives and from training scripts.

To the trial that runs in this thread or, in a script's own process, to the job that started it.
Standard library only, because users' code imports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from hpo.trial.stack_signal import show_stack_on_signal

if TYPE_CHECKING:
    from hpo.trial.trial import Trial

_current: ContextVar[Trial] = ContextVar("hpo_current_trial")


@contextmanager
def reporting_to(trial: Trial) -> Iterator[None]:
    """Meanwhile a `Reporter` reports to `trial`."""
    token = _current.set(trial)
    try:
        yield
    finally:
        _current.reset(token)


class Reporter:
    """Report to the running trial, for objectives that take hyperparameters as keywords.

    Example:
        ::

            def objective(learning_rate, max_epochs):
                from hpo import Reporter

                report = Reporter()
                for epoch in range(1, max_epochs + 1):
                    report(epoch=epoch, validation_error=train_one_epoch(learning_rate))
    """

    def __init__(self) -> None:
        """In a script, let its job see where it hangs."""
        if _current.get(None) is None:
            show_stack_on_signal()

    def __call__(self, **metrics: object) -> None:
        """Report as `Trial.report` does.

        Raises:
            ReportError: no trial is running here.
        """
        trial = _current.get(None)
        if trial is None:
            from hpo.trial.script import reports as script_reports

            script_reports.send(metrics)
        else:
            trial.report(**metrics)
