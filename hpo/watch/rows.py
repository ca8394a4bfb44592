"""The trials as rows of a table: which of them are shown, in what order.

Rows are known by their trial, never by their place, which changes with each look.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.record.state import CampaignState, TrialStatus
from hpo.report.status_document import RunningTrial
from hpo.values import flat

FAILED = TrialStatus.FAILED.value
TRIAL, STATE, REACHED, VALUE, SINCE, RUNG, JOB = (
    "trial",
    "state",
    "reached",
    "value",
    "since",
    "rung",
    "job",
)
FIXED = (TRIAL, STATE, REACHED, VALUE, SINCE, RUNG)


@dataclass(frozen=True, slots=True)
class Row:
    """What the table shows of a trial.

    `reached` and `value` are those of its last result, or while it runs of its last report, as
    far as the manager tells it; `since` (s, Unix) is when it came to stand where it stands.
    """

    trial_id: int
    state: str
    since: float
    reached: int = 0
    value: float | None = None
    rung: int = 0
    job_id: str | None = None
    cause: str | None = None
    config: Mapping[str, Any] | None = None

    @property
    def flat_config(self) -> dict[str, Any]:
        """Each hyperparameter under one name."""
        return flat(self.config or {})

    def text(self) -> str:
        """What a filter looks in, in small letters."""
        values = (f"{name}={value}" for name, value in self.flat_config.items())
        words = (str(self.trial_id), self.state, self.job_id or "", self.cause or "", *values)
        return " ".join(words).lower()


def row_of(state: CampaignState, trial_id: int, since: float, told: RunningTrial | None) -> Row:
    """The row of a trial; `told` is what status.json knows of it while it runs."""
    trial = state.trials[trial_id]
    reached, value = trial.resource, trial.metric
    runs = trial.status is TrialStatus.CLAIMED
    if runs and told is not None and told.attempt == trial.attempt and told.resource is not None:
        reached, value = told.resource, told.error
    return Row(
        trial_id,
        trial.status.value,
        since,
        reached,
        value,
        trial.rung,
        trial.job_id,
        trial.cause,
        trial.config,
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows, and how they are sorted; `column` is one of FIXED, JOB, or a hyperparameter."""

    text: str = ""
    failed_only: bool = False
    column: str = TRIAL
    descending: bool = False


def arranged(rows: Iterable[Row], choice: Choice, sign: int = 1) -> list[int]:
    """The trials that are shown, first to last.

    All words of the text must be found. What has no value in the column comes last, either way.
    `sign` turns values so that smaller is better: the best comes first where it is not descending.
    """
    words = choice.text.lower().split()
    kept = [
        row
        for row in rows
        if (not choice.failed_only or row.state == FAILED) and (not words or _has(row, words))
    ]
    key = _key(choice.column, sign)
    known = [row for row in kept if key(row) is not None]
    unknown = [row.trial_id for row in kept if key(row) is None]
    known.sort(key=lambda row: row.trial_id)
    try:
        known.sort(key=key, reverse=choice.descending)
    except TypeError:  # a choice may be between numbers and words
        known.sort(key=lambda row: str(key(row)), reverse=choice.descending)
    return [row.trial_id for row in known] + sorted(unknown)


def _has(row: Row, words: Sequence[str]) -> bool:
    text = row.text()
    return all(word in text for word in words)


def _key(column: str, sign: int) -> Callable[[Row], Any]:
    if column == VALUE:
        return lambda row: None if _odd(row.value) else sign * row.value  # type: ignore[operator]
    if column in FIXED:
        name = {TRIAL: "trial_id"}.get(column, column)
        return lambda row: getattr(row, name)
    if column == JOB:
        return lambda row: row.job_id
    return lambda row: row.flat_config.get(column)


def _odd(value: float | None) -> bool:
    return value is None or not math.isfinite(value)
