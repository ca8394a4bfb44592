"""The manager's loop: observe, decide, commit, reconcile; seats beside it.

Owns the order of the four steps and nothing else: facts come from `observe`, decisions from the
scheduler, acts from `reconcile` and the cluster. Whatever it is killed in the middle of, a new
manager with the same journal goes on from there. Knows no particular cluster.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hpo import events as ev
from hpo import reconcile
from hpo.checkpoint_keeper import CheckpointKeeper
from hpo.cluster.base import Clock, Cluster
from hpo.files import Layout
from hpo.invariants import check
from hpo.journal import Journal
from hpo.narration import narrate
from hpo.observe import Observer, OpenLegs
from hpo.scheduler import Scheduler
from hpo.seat_keeper import SeatKeeper, SeatLimits
from hpo.seats import SeatBook
from hpo.state import CampaignState, apply
from hpo.summary import Summary

log = logging.getLogger(__name__)

DISK_PAUSE_S = 10.0  # after a full disk or a missing file server
OFFERS_CHECK_S = 300.0  # how often offers are looked for that somebody removed by hand


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the manager works with: the files, the cluster, the time, and who looks on."""

    layout: Layout
    cluster: Cluster
    clock: Clock
    asked_to_leave: Callable[[], bool]
    on_change: Callable[[CampaignState, SeatBook], None] = lambda _state, _book: None


class Manager:
    """One start of the manager of one campaign."""

    def __init__(
        self,
        here: Surroundings,
        journal: Journal,
        scheduler: Scheduler,
        seat_limits: SeatLimits,
        *,
        metric: str,
        mode: str,
        at_end: str = "finish",
        checkpoints: CheckpointKeeper | None = None,
    ) -> None:
        self._here = here
        self._journal = journal
        self._scheduler = scheduler
        self._metric = metric
        self._at_end = at_end
        self._asked: bool | None = None  # whether running trials are asked to leave
        self._checkpoints = checkpoints
        self.state = CampaignState(mode=mode)
        self.book = SeatBook()
        cluster = here.cluster
        self._observer = Observer(here.layout, self.book, cluster.result_grace_s)
        self._seats = SeatKeeper(cluster, self.book, seat_limits)
        self._summary = Summary(here.layout, metric)
        self._unwritten: set[int] = set()
        self._unpublished: list[ev.Event] = []
        self._next_check = float("-inf")  # of the offers; the first is at the start

    def run(self) -> bool:
        """Manage until the campaign has ended (True) or a signal asks to leave (False)."""
        self.start()
        while self.state.ended is None and not self._here.asked_to_leave():
            self._here.clock.sleep(self._tick_safely())
        if self.state.ended is not None:
            reconcile.publish_never_started(self._here.layout, self.state, metric=self._metric)
            self._seats.dismiss()
            if self._checkpoints is not None:
                self._checkpoints.finish(self.state)
        self._summary.write(self.state, self.book, self._here.clock.now(), final=True)
        return self.state.ended is not None

    def start(self) -> None:
        """Replay the journal and repair what a crash left between the journal and the files."""
        for event in self._journal.events:
            apply(self.state, event)
            self._follow(event)
        self._journal.events.clear()
        assert not (broken := check(self.state)), broken
        self._unpublished = reconcile.unpublished(self._here.layout, self.state)
        self._commit(self._scheduler.reopen(self.state, self._here.clock.now()))

    def tick(self) -> None:
        """Rounds until nothing changes; costs nothing for trials that have ended.

        Raises:
            OSError: the files are away or the disk is full; nothing is lost, try again later.
        """
        here, state = self._here, self.state
        now = here.clock.now()
        self._journal.require_owner()
        self._seats.poll_if_due(state, now)
        changed = False
        while self._round(now):
            changed = True
        if state.ended is None:
            self._seats.fill(state, now)
            if self._checkpoints is not None:
                self._checkpoints.tidy(state)
        if changed or self._summary.is_due(now):
            self._summary.write(state, self.book, now)
            here.on_change(state, self.book)

    def _round(self, now: float) -> bool:
        """Observe, decide, commit, reconcile; whether there may be more to do at once."""
        seen = self._observer.look()
        changes = self._commit(self._observer.facts(self.state, seen, now))
        while decisions := self._scheduler.decide(self.state, now):
            changes += self._commit(decisions)
        return self._reconcile(seen, now) > 0 or bool(changes)

    def _reconcile(self, seen: OpenLegs, now: float) -> int:
        """Make the files match; how many legs were taken back, which are facts to look at."""
        layout, state, cluster = self._here.layout, self.state, self._here.cluster
        if now >= self._next_check:
            self._unwritten |= reconcile.find_unwritten(layout, state)
            self._next_check = now + OFFERS_CHECK_S
        reconcile.write_offers(layout, state, self._unwritten)
        self._unwritten.clear()
        if (leave := state.ending is not None and self._at_end == "checkpoint") != self._asked:
            reconcile.ask_to_leave(layout, wanted=leave)
            self._asked = leave
        reconcile.publish_results(layout, state, self._unpublished, metric=self._metric)
        self._unpublished.clear()
        reconcile.tidy(layout, state, seen)
        taken_back = reconcile.fence_lost(
            layout,
            state,
            self._observer,
            self.book,
            now=now,
            grace_s=cluster.result_grace_s,
            vanish_s=cluster.vanish_s,
        )
        if state.ending is not None:
            taken_back += reconcile.revoke_offers(layout, state)
        return taken_back

    def _commit(self, events: Iterable[ev.Event]) -> list[ev.Event]:
        """Journal first, then apply; what is not on disk has not happened.

        Results come even before: what the journal calls finished, nobody publishes late.
        """
        batch = list(events)
        if not batch:
            return batch
        reconcile.publish_finished(self._here.layout, batch)
        self._journal.append(batch)
        for event in batch:
            apply(self.state, event)
            self._follow(event)
            self._note(event)
            for level, line in narrate(event, self.state, self._metric):
                log.log(level, "%s", line)
        return batch

    def _note(self, event: ev.Event) -> None:
        """Remember what the files have to be told; kept until they were, whatever fails first."""
        match event:
            case ev.LegOffered():
                self._unwritten.add(event.trial_id)
            case ev.LegFinished() | ev.TrialFailed() | ev.TrialStopped():
                self._unpublished.append(event)
            case _:
                pass

    def _follow(self, event: ev.Event) -> None:
        """Keep the seats in step with the legs."""
        match event:
            case ev.LegClaimed():
                self.book.claimed(event.job_id, event.trial_id, event.time)
            case ev.LegFinished():
                # A job that was asked to leave may have been preempted, and then comes back.
                self.book.left(event.job_id, over=event.outcome != "interrupted")
            case ev.LegLost():
                self.book.left(event.job_id, over=event.cause != "preempted")
            case ev.LegReturned():
                self.book.returned(self.state.trials[event.trial_id].job_id)

    def _tick_safely(self) -> float:
        """One tick; the seconds to wait before the next."""
        try:
            self.tick()
        except OSError as err:
            log.warning("the campaign's files cannot be used now, waiting: %s", err)
            return DISK_PAUSE_S
        return self._here.cluster.tick_s
