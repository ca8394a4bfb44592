"""The derived files: status.json, best_config.json, final_results.json.

Written by the manager, never read back by it; everything in them follows from the state.
"""

from __future__ import annotations

import math
from typing import Any

from hpo.decisions.node_blame import quarantined
from hpo.folder.files import Layout, publish_json
from hpo.record.state import CampaignState, TrialStatus
from hpo.report.usage_words import usage_numbers
from hpo.seats.book import SeatBook

STATUS_EVERY_S = 30.0  # even when nothing happens, so that a reader sees that the manager lives
# Each trial that runs has a line in status.json: with thousands it is not written in every tick.
PAUSE_PER_RUNNING_S = 0.005


class Summary:
    """Writes the derived files of one campaign when they change."""

    def __init__(self, layout: Layout, gpus: int = 0) -> None:
        self._layout = layout
        self._gpus = gpus
        self._best: int | None = None
        self._written_at = float("-inf")

    def is_due(self, state: CampaignState, now: float, *, news: bool) -> bool:
        """Whether to write: at once where there is news, else every now and then.

        The more trials run, the longer news may wait, up to STATUS_EVERY_S.
        """
        pause_s = PAUSE_PER_RUNNING_S * len(state.of(TrialStatus.CLAIMED)) if news else math.inf
        return now >= self._written_at + min(pause_s, STATUS_EVERY_S)

    def write(
        self, state: CampaignState, book: SeatBook, now: float, *, final: bool = False
    ) -> None:
        """Write what has changed; `final`: and the results, at the end or when leaving.

        Raises:
            OSError: disk full, over quota or away; to be repeated.
        """
        self._written_at = now
        if state.best_trial is not None and state.best_trial != self._best:
            publish_json(self._layout.best_config, dict(state.trials[state.best_trial].config))
            self._best = state.best_trial
        lost = lost_work(state, self._gpus)
        if final and state.ended is not None:
            results = final_results(state) | lost
            results |= usage_numbers(state, self._gpus)
            publish_json(self._layout.final_results, results)
        publish_json(self._layout.status, status(state, book, now) | lost)


def status(state: CampaignState, book: SeatBook, now: float) -> dict[str, Any]:
    """How the campaign stands; times in s since 1970."""
    return {
        "updated": now,
        "started": state.started_at,
        "ended": state.ended,
        "ending": state.ending,
        "trials": {s.value: len(state.of(s)) for s in TrialStatus if s is not TrialStatus.WAITING},
        "jobs": {
            "queued": len(book.queued()),
            "running": len(book.running()),
            "waiting": book.waits(),
        },
        "quarantined": [
            {"node": node, "until": told.until, "reason": told.reason}
            for node, told in quarantined(state, now).items()
        ],
        "metric": state.goal.metric,
        "best_trial_id": state.best_trial,
        "best_error": state.best_metric,
        "running": [
            {"trial_id": i, "job_id": state.trials[i].job_id, "attempt": state.trials[i].attempt}
            for i in sorted(state.of(TrialStatus.CLAIMED))
        ],
    }


def lost_work(state: CampaignState, gpus: int) -> dict[str, Any]:
    """What preemptions and faults have cost so far, in hours of GPUs, or of jobs without one."""
    hours = max(1, gpus) / 3600.0
    return {
        "hours": round(state.seat_seconds * hours, 4),
        "lost_hours": round(state.lost.seconds * hours, 4),
        "lost_legs": state.lost.legs,
        "lost_resource": state.lost.resource,
        "hours_of": "GPUs" if gpus else "jobs",
    }


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
