"""Deletes the checkpoints that nobody will resume from, as the campaign goes.

A few per tick. The best trial's are always kept.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from hpo import checkpoint
from hpo.decisions.limits import all_trials
from hpo.decisions.scheduler import STOPPED_BY_USER
from hpo.decisions.whole_trials import LegPolicy
from hpo.folder.files import Layout
from hpo.record.state import CampaignState, TrialStatus

log = logging.getLogger(__name__)

PER_TICK = 20  # a network filesystem takes its time, and offers come first
# All trials are looked at again when there is news of one in so many: at each result where there
# are few, and a number of times that grows with the logarithm of the trials where there are many.
NEWS_OF = 50


@dataclass(slots=True)
class CheckpointKeeper:
    """The checkpoints of one campaign; `keep` is all, promotable or best."""

    layout: Layout
    legs: LegPolicy
    keep: str
    n_trials: int
    freed_bytes: int = 0
    _gone: set[int] = field(default_factory=set)
    _looked_at: int | None = None  # results there were then
    _seen: tuple[int | None, str | None] = (None, None)  # the best trial and the end then
    _due: list[int] = field(default_factory=list)

    def tidy(self, state: CampaignState) -> None:
        """Delete what has become useless, at most a few trials at a time."""
        if self.keep == "all":
            return
        results = sum(len(rung.ranked) for rung in state.rungs.values())
        results += len(state.of(TrialStatus.FAILED))
        seen = (state.best_trial, state.ended)
        if self._has_news(results) or seen != self._seen:
            self._looked_at, self._seen = results, seen
            self._due = sorted(
                set(useless(state, self.legs, self.keep, self.n_trials)) - self._gone
            )
        now, self._due = self._due[:PER_TICK], self._due[PER_TICK:]
        for trial_id in now:
            self.freed_bytes += checkpoint.discard(self.layout.trial(trial_id))
            self._gone.add(trial_id)

    def keep_of(self, trial_id: int) -> None:
        """The trial goes on: what it has, and what it will save, is wanted."""
        self._gone.discard(trial_id)
        if trial_id in self._due:
            self._due.remove(trial_id)

    def _has_news(self, results: int) -> bool:
        known = self._looked_at
        return known is None or results - known > known // NEWS_OF

    def finish(self, state: CampaignState) -> None:
        """Delete all that is left to delete, once the campaign has ended."""
        self.tidy(state)
        while self._due:
            self.tidy(state)
        megabytes = self.freed_bytes / 1e6
        if round(megabytes, 1):
            log.info("deleted checkpoints of %.1f MB that no trial goes on from", megabytes)


def useless(state: CampaignState, legs: LegPolicy, keep: str, n_trials: int) -> Iterator[int]:
    """The started trials that nobody resumes; never the best one.

    One that failed may be retried, and goes on from what it saved then.
    """
    hopeless: Collection[int] = legs.at(state).hopeless(state, all_trials(state, n_trials))
    at_end = keep == "best" and state.ended not in (None, STOPPED_BY_USER)
    over = {TrialStatus.COMPLETED, TrialStatus.FAILED} if at_end else {TrialStatus.COMPLETED}
    for trial in state.trials.values():
        if trial.trial_id == state.best_trial or trial.job_id is None:
            continue
        resting = trial.status is TrialStatus.PAUSED and (at_end or trial.trial_id in hopeless)
        if trial.status in over or resting:
            yield trial.trial_id
