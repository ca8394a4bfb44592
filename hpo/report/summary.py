"""The derived files: status.json, best_config.json, final_results.json.

Written by the manager, never read back by it; everything in them follows from the state.
"""

from __future__ import annotations

import math
from typing import Any

from hpo.folder.files import Layout, publish, publish_json
from hpo.record.state import CampaignState, TrialStatus
from hpo.report.chronicle import Chronicle
from hpo.report.status import Seen, lost_work, status, text_of
from hpo.report.status_document import EVERY_S
from hpo.report.usage_words import usage_numbers
from hpo.seats.book import SeatBook

# Each trial that runs has a line in status.json: with thousands it is not written in every tick.
PAUSE_PER_RUNNING_S = 0.005


class Summary:
    """Writes the derived files of one campaign when they change."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._best: int | None = None
        self._written_at = float("-inf")

    def is_due(self, state: CampaignState, now: float, *, news: bool) -> bool:
        """Whether to write: at once where there is news, else every now and then.

        The more trials run, the longer news may wait, up to EVERY_S.
        """
        pause_s = PAUSE_PER_RUNNING_S * len(state.of(TrialStatus.CLAIMED)) if news else math.inf
        return now >= self._written_at + min(pause_s, EVERY_S)

    def write(
        self,
        state: CampaignState,
        book: SeatBook,
        chronicle: Chronicle,
        seen: Seen,
        *,
        final: bool = False,
    ) -> None:
        """Write what has changed; `final`: and the results, at the end or when leaving.

        Raises:
            OSError: disk full, over quota or away; to be repeated.
        """
        self._written_at = seen.now
        if state.best_trial is not None and state.best_trial != self._best:
            publish_json(self._layout.best_config, dict(state.trials[state.best_trial].config))
            self._best = state.best_trial
        gpus = seen.told.gpus
        if final and state.ended is not None:
            results = final_results(state) | lost_work(state, gpus) | usage_numbers(state, gpus)
            publish_json(self._layout.final_results, results)
        publish(self._layout.status, text_of(status(state, book, chronicle, seen)))


def final_results(state: CampaignState) -> dict[str, Any]:
    """The end of a campaign.

    `n_trials` counts the trials up to the last one that a job ever took: each of them has a
    `results/trial_N.json`. Trials that were drawn ahead and never started are not counted.
    """
    best = None if state.best_trial is None else state.trials[state.best_trial]
    started = [i for i, trial in state.trials.items() if trial.job_id is not None]
    return {
        "best_config": None if best is None else dict(best.config),
        "best_error": None if best is None else best.metric,
        "best_trial_id": None if best is None else best.trial_id,
        "n_trials": max(started, default=-1) + 1,
        "n_completed": len(state.of(TrialStatus.COMPLETED)),
        "n_paused": len(state.of(TrialStatus.PAUSED)),
        "n_failed": len(state.of(TrialStatus.FAILED)),
        "n_stopped": sum(1 for i in state.of(TrialStatus.STOPPED) if state.trials[i].job_id),
        "metric": state.goal.metric,
        "mode": state.goal.mode,
        "ended": state.ended,
        "started_at": state.started_at,
    }
