"""Keeps as many seats as there are offers: polls, submits, backs off, cancels.

Owns the rhythm of scheduler calls. How many seats are needed is `plan_seats`; what a call
looks like is the cluster's. A failed call is no news and is repeated later, never at once.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from functools import partial

from hpo.cluster.protocol import Cluster
from hpo.decisions.limits import SeatLimits
from hpo.decisions.needs import ComingLeg, WantedSeats, wanted_seats
from hpo.decisions.node_blame import NodeBlame, quarantined
from hpo.errors import (
    PollError,
    SeatsBrokenError,
    SubmissionError,
    SubmissionLimitError,
    SubmissionUncertainError,
)
from hpo.manager.seats.arrays import ArrayKeeper
from hpo.manager.seats.avoidance import Avoidance
from hpo.manager.seats.resizing import SeatResizing, in_words
from hpo.manager.seats.waiting import WaitingNews
from hpo.record.result import node_name
from hpo.record.state import CampaignState, TrialStatus
from hpo.seats.arrays import surplus
from hpo.seats.book import SeatBook, VainSeats
from hpo.seats.plan import NOTHING, SeatPlan, plan_seats, useless_seats
from hpo.units.backoff import Backoff
from hpo.units.sizes import SeatKind

log = logging.getLogger(__name__)

PAUSE = Backoff(30.0, 600.0)  # after a refused or unanswered call
BETWEEN_SUBMISSIONS_S = 10.0  # where seats end one after the other, several are asked for at once
NO_LEGS: Mapping[ComingLeg, int] = {}
DEAD_SEATS = 5  # jobs in a row that died before they took a trial: the environment is broken


class SeatKeeper:
    """The seats of one manager."""

    def __init__(
        self, cluster: Cluster, book: SeatBook, limits: SeatLimits, blame: NodeBlame
    ) -> None:
        self._cluster = cluster
        self._book = book
        self._limits = limits
        self._blame = blame
        self._avoid = Avoidance(cluster, book)
        self._arrays = ArrayKeeper(cluster, book)
        self._waiting = WaitingNews()
        self._sizes = SeatResizing(cluster, book)
        self._vain = VainSeats()
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
        self._poll(claimed_by, now)

    def _poll(self, claimed_by: set[str], now: float) -> None:
        book = self._book
        try:
            statuses = self._cluster.poll(sorted((set(book.seats) | claimed_by) - book.foreign))
        except PollError as err:
            self._poll_pause = PAUSE.after(self._poll_pause)
            self._next_poll = now + max(self._poll_pause, self._cluster.poll_s)
            log.warning("no news of the jobs, asking again in %.0f s: %s", self._poll_pause, err)
            return
        self._poll_pause = 0.0
        self._next_poll = now + self._cluster.poll_s
        book.take_poll(statuses, now, vanish_s=self._cluster.vanish_s)
        self._waiting.tell(book, now)
        for seat in book.take_deaths():
            last = self._cluster.last_words(seat.job_id).splitlines()[-1:]
            why = ": ".join([seat.status.detail or seat.status.cause.value, *last])
            self._blame.seat_died(node_name(seat.status.node), seat.job_id, why, now)

    def fill(
        self, state: CampaignState, now: float, *, to_come: Mapping[ComingLeg, int] = NO_LEGS
    ) -> None:
        """Ask for the seats that are missing; take back those that nobody needs any more.

        `to_come` are the legs that are expected beyond those that are offered.
        """
        out = quarantined(state, now)
        self._avoid.follow(out, now, ever=bool(state.quarantines))
        wanted = wanted_seats(state, self._limits, to_come if self._cluster.has_queue else NO_LEGS)
        if state.ending is not None or not (wanted.needs or wanted.coming):
            self._cancel_queued()
            return
        if now < self._next_submit or self._book.has_unexplained_ends():
            return
        if self._cluster.has_queue and now < self._blame.next_seat_at():
            return  # jobs that end at once are not to follow each other as fast as they can
        plans = self._plans(wanted, now)
        if not self._share(sum(plan.count for plan in plans), now):
            return
        for plan in plans:
            if not self._sizes.grow(plan):
                # Some may have started; the next poll tells which have it.
                self._hold(now)
                self._next_poll = now
                return
            if not self._submit(plan, out, now):
                return
        self._sizes.shrink(wanted)
        spared = self._at_once
        self._cancel(useless_seats(self._book, wanted.needs, coming=wanted.coming, spared=spared))

    def _plans(self, wanted: WantedSeats, now: float) -> list[SeatPlan]:
        limits = self._limits
        ahead = limits.max_queued_jobs if limits.queue_ahead is None else limits.queue_ahead
        return plan_seats(
            self._book,
            wanted.needs,
            coming=wanted.coming if self._vain.may_expect(self._book, now) else NOTHING,
            usual_mb=wanted.usual_mb,
            at_once=self._at_once,
            max_queued=limits.max_queued_jobs,
            queue_ahead=ahead if self._cluster.has_queue else 0,
            legs_per_seat=limits.legs_per_seat,
        )

    @property
    def _at_once(self) -> int:
        capacity, wished = self._cluster.capacity, self._limits.max_concurrent_jobs
        return wished if capacity is None else min(wished, capacity)

    def _share(self, new: int, now: float) -> bool:
        """Share the limit on running seats among the arrays; whether `new` may be asked for now."""
        if not self._cluster.has_queue or not self._book.polled:
            return True
        self._cancel(surplus(self._at_once, self._book), "beyond what may run at once")
        try:
            if self._arrays.lower(self._at_once, new):
                # What had started by then runs on: count before more may start beside it, now or
                # as soon as the cluster answers.
                self._book.polled = False
                self._poll(set(), now)
            if self._book.polled:
                self._arrays.raise_to(self._at_once - min(new, 1))
        except PollError as err:
            self._hold(now)
            log.warning("the limit on running jobs could not be changed: %s", err)
            return False
        return self._book.polled

    def stop_if_broken(self, state: CampaignState, now: float) -> None:
        """After too many jobs in a row that died before a leg, on whatever nodes are in use.

        Raises:
            SeatsBrokenError: the environment on the nodes is broken.
        """
        if state.ending is not None:
            return  # nothing is submitted any more
        out = quarantined(state, now)
        dead = [seat for seat in self._book.deaths if seat.status.node not in out]
        if len(dead) < DEAD_SEATS:
            return
        last, nodes = dead[-1], {seat.status.node for seat in dead}
        self._cancel_queued()
        words = self._cluster.last_words(last.job_id) or "(it printed nothing)"
        only = f", all on {last.status.node}" if len(nodes) == 1 and last.status.node else ""
        mend = ", or leave the node out (`exclude`)" if only else ""
        raise SeatsBrokenError(
            f"{len(dead)} jobs in a row died before they took a trial{only}; the last, "
            f"{last.job_id}, with: {last.status.detail or last.status.cause.value}. Its last "
            f"lines:\n{words}\nMend the environment (`env_setup`, `python`, `pythonpath`){mend} "
            "and start again; no trial is lost"
        )

    def dismiss(self) -> None:
        """The campaign has ended: nothing may wait in the queue for it."""
        self._cancel_queued()

    def _submit(self, asked: SeatPlan, out: Collection[str], now: float) -> bool:
        """Ask for new seats; whether the cluster answered that it has them."""
        if asked.count == 0:
            return True
        count = min(asked.count, self._ask_at_most or asked.count)
        at_once = self._arrays.room(self._at_once, count)
        if at_once == 0:
            return False  # what runs already takes the whole limit
        plan = SeatPlan(count, asked.mem_mb, time_min=asked.time_min)
        try:
            job_ids = self._ask(plan, at_once, out)
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
            self._next_submit = now + min(BETWEEN_SUBMISSIONS_S, self._cluster.poll_s)
            self._ask_at_most = None
            self._book.submitted(job_ids, plan.mem_mb, plan.time_min)
            self._arrays.submitted(job_ids, at_once)
            self._avoid.submitted(job_ids)
            if job_ids:  # there may be no room this very moment
                log.info("submitted %s", _span(job_ids, at_once, plan))
            return True
        return False

    def _ask(self, plan: SeatPlan, at_once: int, out: Collection[str]) -> list[str]:
        submit = partial(
            self._cluster.submit,
            plan.count,
            at_once=at_once,
            mem_mb=plan.mem_mb,
            time_min=plan.time_min,
        )
        try:
            return submit(avoid=out)
        except SubmissionError as err:
            if not out:
                raise
            # The nodes that are left may not fit other settings than those of earlier jobs.
            log.warning("refused without %s, asking for any node: %s", ", ".join(out), err)
            return submit()

    def _hold(self, now: float) -> None:
        self._submit_pause = PAUSE.after(self._submit_pause)
        self._next_submit = now + self._submit_pause

    def _cancel_queued(self) -> None:
        self._cancel(useless_seats(self._book, needs={}))

    def _cancel(self, queued: list[str], why: str = "that nothing is left for") -> None:
        if not queued:
            return
        try:
            self._cluster.cancel_queued(queued)
        except PollError as err:
            log.warning("waiting jobs could not be cancelled: %s", err)
            return
        for job_id in queued:
            self._book.left(job_id, over=True)
        log.info("cancelled %d waiting jobs %s", len(queued), why)


def _span(job_ids: list[str], at_once: int, plan: SeatPlan) -> str:
    kind = SeatKind(plan.mem_mb, plan.time_min)
    size = "" if kind == SeatKind() else f", {in_words(kind)} each"
    if len(job_ids) == 1:
        return f"job {job_ids[0]}{size}"
    limit = f", {at_once} at once" if at_once < len(job_ids) else ""
    return f"{len(job_ids)} jobs ({job_ids[0]} … {job_ids[-1]}){limit}{size}"
