"""Reports that an objective prints, as Syne Tune's `Reporter` does in a function.

Owns what stands in for `sys.stdout` while an objective runs: all goes on to the log, and each line
with Syne Tune's tag is a report to the trial as well. Imports nothing of Syne Tune.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from hpo.trial.trial import Trial

_TAG = "[tune-metric]: "
_MOST_WAITING = 1 << 20  # characters of a line without an end


@contextmanager
def printing_to(trial: Trial) -> Iterator[None]:
    """Meanwhile lines with Syne Tune's tag that this process prints are reports to `trial`."""
    output = _ReportingOutput(sys.stdout, trial)
    with contextlib.redirect_stdout(output):
        try:
            yield
        finally:
            output.is_over = True  # as a logger of the user's may keep it


class _ReportingOutput:
    """Standard output with an eye on it."""

    def __init__(self, output: TextIO, trial: Trial) -> None:
        self._output = output
        self._trial = trial
        self._line = ""
        self._taken = len(trial.history)
        self.is_over = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._output, name)

    def write(self, text: str) -> int:
        """Write, and report what a line that ends here says.

        Raises:
            ReportError: it is no report.
            TrialInterrupted: the trial pauses or was asked to leave.
        """
        written = self._output.write(text)
        *lines, self._line = (self._line + text).split("\n")
        self._line = self._line.rpartition("\r")[2][-_MOST_WAITING:]
        for line in lines:
            if _TAG in line and not self.is_over:
                self._report(line)
        return written

    def writelines(self, lines: Iterator[str]) -> None:
        """As `write` does it."""
        for line in lines:
            self.write(line)

    def _report(self, line: str) -> None:
        from hpo.trial.script.lines import tagged_reports  # here, because few objectives need it

        # A log of the same report, by an objective that tells the trial itself, is not news.
        if len(self._trial.history) != self._taken:
            return
        for metrics in tagged_reports(line):
            self._trial.report(**metrics)
            self._taken = len(self._trial.history)
