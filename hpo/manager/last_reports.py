"""What the legs that run reported last, for people: looked at a few at a time, and now and then.

Nothing is decided from it. Each look costs a file that is opened, on a network disk, so that there
is a most of them in any time, whatever runs.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping

from hpo.folder.files import Layout
from hpo.folder.last_report import LastReport, read_last_report
from hpo.record.goal import Goal
from hpo.record.result import MOST_RESOURCE
from hpo.record.state import CampaignState
from hpo.report.status import Reported

AGAIN_S = 10.0  # between two looks at anything
AT_ONCE = 10  # files of one look


class LastReports:
    """The last reports of one campaign's running legs; times in s."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._known: dict[tuple[int, int], LastReport] = {}  # by trial and attempt; oldest first
        self._looked_at = -math.inf

    def look(self, state: CampaignState, shown: Collection[int], now: float) -> None:
        """Look at some of the trials that are `shown`, those first that were not for longest."""
        held = {(trial_id, state.trials[trial_id].attempt) for trial_id in shown}
        self._known = {leg: found for leg, found in self._known.items() if leg in held}
        if now < self._looked_at + AGAIN_S:
            return
        self._looked_at = now
        unseen = sorted(held - self._known.keys())
        for trial_id, attempt in [*unseen, *self._known][:AT_ONCE]:
            known = self._known.pop((trial_id, attempt), None)
            found = read_last_report(self._layout.trial(trial_id), attempt, known)
            self._known[trial_id, attempt] = found or LastReport(0, {})

    def told(self, goal: Goal) -> Mapping[int, Reported]:
        """By trial, what is known."""
        return {trial_id: _read(last, goal) for (trial_id, _), last in self._known.items()}


def _read(last: LastReport, goal: Goal) -> Reported:
    resource, error = last.report.get(goal.resource), last.report.get(goal.metric)
    if type(resource) is not int or not 0 <= resource <= MOST_RESOURCE:
        resource = None
    if type(error) not in (int, float) or not math.isfinite(error or 0):
        error = None
    return Reported(resource, error)
