"""What the legs that run reported last, for people: looked at a few at a time, and now and then.

Nothing is decided from it. Each look costs a file that is opened, on a network disk, so that there
is a most of them in any time, whatever runs.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection

from hpo.folder.files import Layout
from hpo.folder.last_report import LastReport, read_last_report
from hpo.record.goal import Goal
from hpo.record.result import MOST_RESOURCE
from hpo.record.state import CampaignState
from hpo.report.status import Reported, shown

AGAIN_S = 10.0  # between two looks at anything
AT_ONCE = 10  # files of one look


class LastReports:
    """The last reports of one campaign's running legs; times in s.

    `told` is what is known, by trial.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._due: deque[int] = deque()
        self._files: dict[int, tuple[int, LastReport]] = {}  # by trial, with the attempt
        self._looked_at = -math.inf
        self.told: dict[int, Reported] = {}

    def look(self, state: CampaignState, running: Collection[int], now: float) -> None:
        """Look at some of the trials that run, each in its turn."""
        if now < self._looked_at + AGAIN_S:
            return
        self._looked_at = now
        for _ in range(AT_ONCE):
            if not self._due:
                self._begin_anew(state, running)
                if not self._due:
                    return
            trial_id = self._due.popleft()
            if trial_id in running:
                self._look_at(trial_id, state.trials[trial_id].attempt, state.goal)
            if not self._due:
                return  # none is looked at twice

    def _begin_anew(self, state: CampaignState, running: Collection[int]) -> None:
        self._due.extend(trial.trial_id for trial in shown([state.trials[i] for i in running]))
        self._files = {i: found for i, found in self._files.items() if i in running}
        self.told = {i: said for i, said in self.told.items() if i in running}

    def _look_at(self, trial_id: int, attempt: int, goal: Goal) -> None:
        of, known = self._files.get(trial_id, (attempt, None))
        if of != attempt:
            known = None
            self.told.pop(trial_id, None)
        found = read_last_report(self._layout.trial(trial_id), attempt, known)
        if found is not None and found is not known:
            self._files[trial_id] = attempt, found
            self.told[trial_id] = _read(found, goal)


def _read(last: LastReport, goal: Goal) -> Reported:
    resource, error = last.report.get(goal.resource), last.report.get(goal.metric)
    if type(resource) is not int or not 0 <= resource <= MOST_RESOURCE:
        resource = None
    if type(error) not in (int, float) or not math.isfinite(error or 0):
        error = None
    return Reported(resource, error)
