"""What `Campaign.doctor` gives: the checks as text, and as data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hpo.cli.doctor import lines_of, sum_of
from hpo.doctor.examine import Examination


class Diagnosis:
    """Whether a campaign can run here, check by check; shown as `hpo doctor` prints it."""

    def __init__(self, examination: Examination, lines: Sequence[str]) -> None:
        self._examination = examination
        self._lines = lines

    @property
    def will_fail(self) -> bool:
        """Whether a campaign that started now would fail at something."""
        return self._examination.will_fail

    @property
    def data(self) -> dict[str, Any]:
        """The same as plain data, as `hpo doctor --json` prints it."""
        return self._examination.to_json()

    def __repr__(self) -> str:
        """One line a check, what to do below it, and what it comes to."""
        findings = self._examination.findings
        told = [line for finding in findings for line in lines_of(finding)]
        if self._lines:
            told += ["what follows for hpo.SLURM:", *(f"    {line}" for line in self._lines)]
        return "\n".join([*told, sum_of(findings)])
