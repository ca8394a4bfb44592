"""Keeps as many seats as there are offers: polls, submits, backs off, cancels.

Owns the rhythm of scheduler calls. How many seats are needed is `seats.plan_seats`; what a call
looks like is the cluster's. A failed call is no news and is repeated later, never at once.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from hpo.cluster.base import Cluster
from hpo.errors import PollError, SeatsBrokenError, SubmissionLimitError, SubmissionUncertainError
from hpo.seats import SeatBook, SeatPlan, plan_seats
from hpo.state import CampaignState, TrialStatus

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 30.0  # after a refused or unanswered call, doubled each time up to LAST_PAUSE_S
LAST_PAUSE_S = 600.0
DEAD_SEATS = 5  # jobs in a row that died before they took a trial: the environment is broken


@dataclass(frozen=True, slots=True)
class SeatLimits:
    """The user's bounds on seats."""

    max_concurrent_jobs: int
    max_queued_jobs: int


class SeatKeeper:
    """The seats of one manager."""

    def __init__(self, cluster: Cluster, book: SeatBook, limits: SeatLimits) -> None:
        self._cluster = cluster
        self._book = book
        self._limits = limits
        self._next_poll = float("-inf")
        self._next_submit = float("-inf")
        self._poll_pause = self._submit_pause = 0.0
        self._ask_at_most: int | None = None  # after a refusal for a limit

    def poll_if_due(self, state: CampaignState, now: float) -> None:
        """Ask the cluster about all jobs at once, where it is time and there are any."""
        book = self._book
        claimed_by = {state.trials[i].job_id or "" for i in state.of(TrialStatus.CLAIMED)}
        if now < self._next_poll or (book.polled and not book.seats and not claimed_by):
            return
        try:
            statuses = self._cluster.poll(sorted(set(book.seats) | claimed_by))
        except PollError as err:
            self._poll_pause = _longer(self._poll_pause)
            self._next_poll = now + max(self._poll_pause, self._cluster.poll_s)
            log.warning("no news of the jobs, asking again in %.0f s: %s", self._poll_pause, err)
            return
        self._poll_pause = 0.0
        self._next_poll = now + self._cluster.poll_s
        book.take_poll(statuses, now, vanish_s=self._cluster.vanish_s)
        self._stop_if_broken()

    def fill(self, state: CampaignState, now: float) -> None:
        """Ask for the seats that are missing; take back those that nobody needs any more."""
        offered = len(state.of(TrialStatus.OFFERED))
        if state.ending is not None or offered == 0:
            self._cancel_queued()
            return
        if now < self._next_submit or self._book.has_unexplained_ends():
            return
        capacity = self._cluster.capacity
        at_once = self._limits.max_concurrent_jobs
        plan = plan_seats(
            self._book,
            offered=offered,
            at_once=at_once if capacity is None else min(at_once, capacity),
            max_queued=self._limits.max_queued_jobs,
            has_queue=self._cluster.has_queue,
        )
        if plan.count:
            count = min(plan.count, self._ask_at_most or plan.count)
            self._submit(SeatPlan(count, min(plan.at_once, count)), now)

    def dismiss(self) -> None:
        """The campaign has ended: nothing may wait in the queue for it."""
        self._cancel_queued()

    def _submit(self, plan: SeatPlan, now: float) -> None:
        try:
            job_ids = self._cluster.submit(plan.count, at_once=plan.at_once)
        except SubmissionLimitError as err:
            # An array is taken whole or not at all: ask for fewer before waiting longer.
            if plan.count > 1:
                self._submit_pause = 0.0
            self._ask_at_most = max(1, plan.count // 2)
            self._hold(now)
            log.warning("no more jobs for now, trying again in %.0f s: %s", self._submit_pause, err)
        except SubmissionUncertainError as err:
            # Seats are interchangeable: count them in the next poll instead of asking again.
            self._hold(now)
            self._book.polled = False
            self._next_poll = now
            log.warning("a submission was not answered, counting the jobs first: %s", err)
        else:
            self._submit_pause = 0.0
            self._ask_at_most = None
            self._book.submitted(job_ids)
            if job_ids:  # there may be no room this very moment
                log.info("submitted %s", _span(job_ids, plan.at_once))

    def _hold(self, now: float) -> None:
        self._submit_pause = _longer(self._submit_pause)
        self._next_submit = now + self._submit_pause

    def _cancel_queued(self) -> None:
        queued = [seat.job_id for seat in self._book.queued() if seat.trial_id is None]
        if not queued:
            return
        try:
            self._cluster.cancel_queued(queued)
        except PollError as err:
            log.warning("waiting jobs could not be cancelled: %s", err)
            return
        for job_id in queued:
            self._book.left(job_id, over=True)
        log.info("cancelled %d waiting jobs that nothing is left for", len(queued))

    def _stop_if_broken(self) -> None:
        book = self._book
        if book.dead_before_claim < DEAD_SEATS or book.last_dead is None:
            return
        dead = book.last_dead
        if self._cluster.failed_by_cluster(dead.job_id):
            log.warning(
                "jobs died before they took a trial, because the cluster's own services were away"
            )
            book.dead_before_claim = 0
            return
        self._cancel_queued()
        words = self._cluster.last_words(dead.job_id) or "(it printed nothing)"
        raise SeatsBrokenError(
            f"{book.dead_before_claim} jobs in a row died before they took a trial; the last, "
            f"{dead.job_id}, with: {dead.status.detail or dead.status.cause.value}. Its last "
            f"lines:\n{words}\nMend the environment (`env_setup`, `python`, `pythonpath`) and "
            "start again; no trial is lost"
        )


def _longer(pause_s: float) -> float:
    return min(max(2 * pause_s, FIRST_PAUSE_S), LAST_PAUSE_S)


def _span(job_ids: list[str], at_once: int) -> str:
    if len(job_ids) == 1:
        return f"job {job_ids[0]}"
    limit = f", {at_once} at once" if at_once < len(job_ids) else ""
    return f"{len(job_ids)} jobs ({job_ids[0]} … {job_ids[-1]}){limit}"
