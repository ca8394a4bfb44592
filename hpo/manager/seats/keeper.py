"""Keeps as many seats as there are offers: polls, carries orders out, backs off.

Owns the rhythm of the calls to the cluster. What to order is decided in `seats.next_orders`; what a
call looks like is the cluster's. A failed call is no news and is repeated later, never at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from hpo.cluster.protocol import Cluster
from hpo.decisions.limits import SeatLimits
from hpo.decisions.needs import NO_SEATS, ComingLeg, kept_off, wanted_seats
from hpo.decisions.node_blame import NodeBlame, quarantined
from hpo.errors import (
    PollError,
    SeatsBrokenError,
    SubmissionError,
    SubmissionLimitError,
    SubmissionUncertainError,
)
from hpo.manager.seats.renewal import Renewal
from hpo.manager.seats.waiting import WaitingNews
from hpo.manager.start_watch import StartWatch
from hpo.record.result import node_name
from hpo.record.state import CampaignState, TrialStatus
from hpo.seats.book import JobPhase, SeatBook
from hpo.seats.next_orders import next_orders
from hpo.seats.orders import Cancel, Change, LimitArray, Order, Renew, Submit
from hpo.units.backoff import Backoff

log = logging.getLogger(__name__)

PAUSE = Backoff(30.0, 600.0)  # after a refused or unanswered call
SOON_S = 5.0  # between two looks at the queue, at least
BETWEEN_SUBMISSIONS_S = 10.0  # where seats end one after the other, several are asked for at once
NO_LEGS: Mapping[ComingLeg, int] = {}
POLL = "no news of the jobs"
DEAD_SEATS = 5  # jobs in a row that died before they took a trial: the environment is broken


class SeatKeeper:
    """The seats of one manager."""

    def __init__(
        self, cluster: Cluster, book: SeatBook, limits: SeatLimits, blame: NodeBlame
    ) -> None:
        self._cluster = cluster
        self._traits = traits = cluster.traits
        self._book = book
        most = limits.max_concurrent_jobs
        self._limits = replace(
            limits,
            max_concurrent_jobs=most if traits.capacity is None else min(most, traits.capacity),
            queue_ahead=limits.queue_ahead if traits.has_queue else 0,
        )
        self._blame = blame
        self._waiting = WaitingNews()
        self._renewal = Renewal(book, due=traits.edited)
        self._out: frozenset[str] = frozenset()  # nodes
        self._kept_off = False  # whether seats were ever kept off others
        self._last_poll = self._next_poll = float("-inf")
        self._held: dict[object, float] = {}  # calls that failed, or were just made: until when
        self._pauses: dict[object, float] = {}  # how long that was, where they failed
        self._ask_at_most: int | None = None  # after a refusal for a limit

    def poll_if_due(self, state: CampaignState, now: float, *, soon: bool = False) -> None:
        """Ask the cluster about all jobs at once, where it is time and there are any.

        `soon`: somebody waits for what it says.
        """
        book = self._book
        claimed_by = {state.trials[i].job_id or "" for i in state.of(TrialStatus.CLAIMED)}
        due_at = self._next_poll
        if soon or book.is_worth_a_look():  # a GPU may be idle, and only the cluster can tell
            due_at = min(due_at, self._last_poll + SOON_S)
        if now < self._held.get(POLL, now) or (book.counted and now < due_at):
            return
        if not book.counted or book.seats or claimed_by:
            self._last_poll, self._next_poll = now, now + self._traits.poll_s
            asked = sorted((set(book.seats) | claimed_by) - book.foreign)
            self._call(POLL, POLL, partial(self._take_poll, asked, now), now)

    def _take_poll(self, asked: list[str], now: float) -> None:
        book, words_of = self._book, self._cluster.last_words
        book.take_poll(self._cluster.poll(asked), now, vanish_s=self._traits.vanish_s)
        self._waiting.tell(book, now)
        for seat in book.take_deaths():
            last = words_of(seat.job_id).splitlines()[-1:]
            why = ": ".join([seat.status.detail or seat.status.cause.value, *last])
            self._blame.seat_died(node_name(seat.status.node), seat.job_id, why, now)

    def fill(
        self, state: CampaignState, now: float, *, to_come: Mapping[ComingLeg, int] = NO_LEGS
    ) -> None:
        """Ask for the seats that are missing; change or take back those that do not fit any more.

        `to_come` are the legs that are expected beyond those that are offered.
        """
        out = frozenset(quarantined(state, now))
        for node in sorted(self._out - out):
            log.info("node %s is used again", node)
        self._out = out
        has_queue = self._traits.has_queue
        off = kept_off(state, now, self._blame.working() - out) if has_queue else frozenset()
        self._kept_off = self._kept_off or bool(off)
        limits = self._limits.beside(self._cluster.others)
        wanted = NO_SEATS
        if state.ending is None:
            wanted = wanted_seats(state, limits, to_come if has_queue else NO_LEGS)
        due = partial(
            next_orders,
            self._book,
            wanted,
            limits,
            now,
            out=out | off if state.quarantines or self._kept_off else None,
            # Jobs that end at once are not to follow each other as fast as they can.
            paused=has_queue and now < self._blame.next_seat_at(),
        )
        is_held = now < self._held.get(Renew, now)
        if is_held or not self._renewal.act(partial(self._change, now=now)):
            return
        self._carry_out(due(), now)
        if self._book.counted:
            return
        # What an array was told may have come too late for a job that was just starting.
        self.poll_if_due(state, now)
        if self._book.counted:
            self._carry_out(due(), now)

    def dismiss(self, now: float) -> None:
        """The campaign has ended: nothing may wait in the queue for it."""
        self._held.clear()
        self._carry_out(next_orders(self._book, NO_SEATS, self._limits, now), now)

    def abandon(self, why: str, now: float) -> None:
        """Nothing of this campaign is to wait or run any longer."""
        self._held.clear()
        seats = self._book.seats.values()
        live = tuple(s.job_id for s in seats if s.phase is not JobPhase.ENDED)
        if live:
            self._carry_out([Cancel(live, why, running=True)], now)

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
        self.dismiss(now)
        words = self._cluster.last_words(last.job_id) or "(it printed nothing)"
        only = f", all on {last.status.node}" if len(nodes) == 1 and last.status.node else ""
        mend = ", or leave the node out (`exclude`)" if only else ""
        raise SeatsBrokenError(
            f"{len(dead)} jobs in a row died before they took a trial{only}; the last, "
            f"{last.job_id}, with: {last.status.detail or last.status.cause.value}. Its last "
            f"lines:\n{words}\nMend the environment (`env_setup`, `python`, `pythonpath`){mend} "
            "and start again; no trial is lost"
        )

    def stop_if_hopeless(self, starts: StartWatch, state: CampaignState, now: float) -> None:
        """Where no job ever started; those that try to are ended, too.

        Raises:
            SeatsBrokenError: the environment on the nodes is broken.
        """
        try:
            starts.stop_if_hopeless(state, now)
        except SeatsBrokenError:
            self.dismiss(now)
            trying = tuple(start.job_id for start in starts.failing)
            self._change(Cancel(trying, "they cannot start", running=True), now)
            raise

    def _carry_out(self, orders: list[Order], now: float) -> None:
        """Do what was ordered, up to the first failure; what has failed lately is left out."""
        held = {what for what, until in self._held.items() if now < until}
        for order in orders:
            if type(order) in held:
                continue
            if isinstance(order, Submit):
                done = self._submit(order, now)
            else:
                done = self._change(order, now)
            if not done:
                return

    def _change(self, order: Change, now: float) -> bool:
        """Change what waits; False: nobody knows whether that was done."""
        change = partial(self._cluster.change, order)
        if not self._call(type(order), f"not sure that {order}", change, now):
            self._book.unsure(order)
            return False
        self._book.carried_out(order)
        if not isinstance(order, Renew) or order.job_ids:
            # How arrays share what may run is nothing to a person.
            log.log(logging.DEBUG if isinstance(order, LimitArray) else logging.INFO, "%s", order)
        return True

    def _call(self, what: object, failed: str, act: Callable[[], None], now: float) -> bool:
        """Do `act`; False: the cluster did not answer, and is left alone with it for a while."""
        try:
            act()
        except PollError as err:
            log.warning("%s, trying again in %.0f s: %s", failed, self._hold(what, now), err)
            return False
        self._pauses.pop(what, None)
        return True

    def _hold(self, what: object, now: float) -> float:
        """Leave it for a while, longer each time; for how long (s)."""
        pause_s = self._pauses[what] = PAUSE.after(self._pauses.get(what, 0.0))
        self._held[what] = now + pause_s
        return pause_s

    def _submit(self, asked: Submit, now: float) -> bool:
        """Ask for new seats; False: the cluster has refused them, or has not answered."""
        count = min(asked.count, self._ask_at_most or asked.count)
        order = replace(asked, count=count, at_once=min(asked.at_once, count))
        try:
            job_ids = self._ask(order)
        except SubmissionLimitError as err:
            # An array is taken whole or not at all: ask for fewer before waiting longer.
            if count > 1:
                self._pauses.pop(Submit, None)
            self._ask_at_most = max(1, count // 2)
            pause_s = self._hold(Submit, now)
            log.warning("no more jobs for now, trying again in %.0f s: %s", pause_s, err)
            return False
        except SubmissionUncertainError as err:
            # Seats are interchangeable: count them in the next poll instead of asking again.
            self._hold(Submit, now)
            self._book.unsure(order)
            log.warning("a submission was not answered, counting the jobs first: %s", err)
            return False
        self._pauses.pop(Submit, None)
        self._held[Submit] = now + min(BETWEEN_SUBMISSIONS_S, self._traits.poll_s)
        self._ask_at_most = None
        self._book.submitted(job_ids, order)
        if job_ids:  # there may be no room this very moment
            log.info("submitted %s", _span(job_ids, order))
        return True

    def _ask(self, order: Submit) -> list[str]:
        try:
            return self._cluster.submit(order)
        except SubmissionError as err:
            if not order.avoid:
                raise
            # The nodes that are left may not fit other settings than those of earlier jobs.
            nodes = ", ".join(sorted(order.avoid))
            log.warning("refused without %s, asking for any node: %s", nodes, err)
            return self._cluster.submit(replace(order, avoid=frozenset()))


def _span(job_ids: list[str], order: Submit) -> str:
    size = f", {order.size} each" if str(order.size) else ""
    if len(job_ids) == 1:
        return f"job {job_ids[0]}{size}"
    limit = f", {order.at_once} at once" if order.at_once < len(job_ids) else ""
    return f"{len(job_ids)} jobs ({job_ids[0]} … {job_ids[-1]}){limit}{size}"
