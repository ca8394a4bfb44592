"""Keeps results/all.jsonl: a line for each result that is published, and those that are missing.

What lies there is believed as far as its lines go; what they lack, after a crash or in a campaign
of an older version, is read from the result files, a few in each tick.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from hpo.folder import all_results
from hpo.folder.files import Layout, read_object
from hpo.record.state import CampaignState, TrialState, TrialStatus

A_FEW = 200  # result files of a campaign that are read in a tick


class ResultsCollector:
    """The one writer of results/all.jsonl."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._told: set[int] = set()  # trials that have a line, or will have one
        self._lines: list[str] = []
        self._missing: deque[int] = deque()

    def repair(self, state: CampaignState) -> None:
        """Find what the file lacks; one that is damaged is begun anew.

        Raises:
            OSError: the disk is full, over quota or away.
        """
        told = all_results.told(self._layout)
        if told is None:
            all_results.begin(self._layout)
            told = {}
        self._told = set(told)
        self._missing = deque(
            trial_id
            for trial_id, trial in state.trials.items()
            if trial.job_id is not None and _is_behind(told.get(trial_id), trial)
        )

    def note(self, documents: Iterable[Mapping[str, Any]]) -> None:
        """These results have been published."""
        for document in documents:
            if (line := all_results.line_of(document)) is not None:
                self._lines.append(line)
                self._told.add(document["trial_id"])

    @property
    def is_due(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._lines or self._missing)

    def knows(self, trial_id: int) -> bool:
        """Whether the trial has a line."""
        return trial_id in self._told

    def write(self, *, all_of_it: bool = False) -> None:
        """Append what is due, and some of what is missing or `all_of_it`.

        Raises:
            OSError: the disk is full, over quota or away; nothing is forgotten.
        """
        while self.is_due:
            missing = [self._missing.popleft() for _ in range(min(A_FEW, len(self._missing)))]
            found = (read_object(self._layout.result(trial_id)) for trial_id in missing)
            # Before those that are due, which may be newer: the last line of a trial stands.
            lines = [line for document in found if (line := all_results.line_of(document))]
            try:
                all_results.append(self._layout, lines + self._lines)
            except OSError:
                self._missing.extendleft(reversed(missing))
                raise
            self._lines.clear()
            if not all_of_it:
                return


def _is_behind(told: tuple[int | None, str] | None, trial: TrialState) -> bool:
    """Whether a line that tells this may be older than the trial's result."""
    if told is None or told[0] is None or told[0] < trial.attempt:
        return True
    # The manager's own word of an attempt comes after that of its job.
    by_manager = trial.status in (TrialStatus.STOPPED, TrialStatus.FAILED)
    return by_manager and told[1] != trial.status.value
