"""The manager's loop: observe, decide, commit, reconcile; seats beside it.

Facts come from `observe`, decisions from the scheduler, acts from `reconcile` and the cluster.
Whatever it is killed in the middle of, a new manager with the same journal goes on from there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hpo.cluster.protocol import Clock, Cluster
from hpo.decisions.limits import SeatLimits
from hpo.decisions.node_blame import NodeBlame, quarantined
from hpo.decisions.scheduler import BREAKER, STOPPED_BY_USER, Scheduler
from hpo.errors import FolderGoneError, JournalError, TransitionError
from hpo.folder import quarantine as quarantine_file
from hpo.folder import remarks
from hpo.folder import stop as stop_request
from hpo.folder.files import Layout
from hpo.folder.journal import Journal
from hpo.folder.stop import StopRequest
from hpo.manager import reconcile
from hpo.manager.checkpoint_keeper import CheckpointKeeper
from hpo.manager.code_versions import CodeTeller
from hpo.manager.disk_watch import DiskWatch
from hpo.manager.folder_watch import FolderWatch
from hpo.manager.observe import Observer, OpenLegs
from hpo.manager.page_writer import PageWriter
from hpo.manager.publisher import Publisher
from hpo.manager.requests import RequestKeeper
from hpo.manager.seats.keeper import SeatKeeper
from hpo.manager.silence_teller import SilenceTeller
from hpo.manager.standing_teller import StandingTeller
from hpo.manager.start_watch import StartWatch
from hpo.manager.trouble_teller import TroubleTeller
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.goal import Goal
from hpo.record.result import Outcome
from hpo.record.state import CampaignState, apply, check
from hpo.report.chronicle import FAR_BACK, Line
from hpo.report.narration import narrate
from hpo.report.standing import NOTHING_TOLD, Told
from hpo.seats.book import SeatBook

log = logging.getLogger(__name__)

DISK_PAUSE_S = 10.0  # after a full disk or a missing file server


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
        goal: Goal,
        told: Told = NOTHING_TOLD,
        at_end: str = "finish",
        checkpoints: CheckpointKeeper | None = None,
        foreign_jobs: frozenset[str] = frozenset(),
        learns_silence: bool = False,
        code: str | None = None,
        page: PageWriter | None = None,
    ) -> None:
        self._here = here
        self._journal = journal
        self._scheduler = scheduler
        self._at_end = at_end
        self._asked: bool | None = None  # whether running trials are asked to leave
        self._stop: StopRequest | None = None  # what `hpo stop` asked for, if it did
        self._checkpoints = checkpoints
        self._code = CodeTeller(code)
        self._page = page
        self._unsaid = set(remarks.KINDS)  # of what jobs may notice
        self.state = CampaignState(goal)
        self.book = SeatBook(foreign=foreign_jobs)
        cluster = here.cluster
        traits = cluster.traits
        self._observer = Observer(
            here.layout, self.book, traits.result_grace_s, goal, verdict_s=traits.verdict_s
        )
        self._silence = SilenceTeller(here.layout, learns=learns_silence)
        self._blame = NodeBlame()
        self._seats = SeatKeeper(cluster, self.book, seat_limits, self._blame)
        self._seats_stay = seat_limits.legs_per_seat != 1
        self._told_out: dict[str, float] | None = None  # nodes in quarantine, as seats know them
        self._starts = StartWatch(here.layout)
        self._offers = reconcile.OfferKeeper(here.layout)
        self._requests = RequestKeeper(here.layout, scheduler)
        self._disk = DiskWatch(here.layout)
        self._publisher = Publisher(here.layout, told, self._disk)
        self._told = told
        self._standing = StandingTeller(told)
        self._folder = FolderWatch(here.layout)
        self._files = TroubleTeller(
            "the campaign's files", "Nothing is decided until they can; what runs goes on"
        )

    def run(self) -> bool:
        """Manage until the campaign has ended (True) or a signal asks to leave (False).

        Raises:
            FolderGoneError: the campaign's folder was moved or deleted; its jobs are cancelled.
        """
        try:
            return self._run()
        except FolderGoneError:
            self._seats.abandon("the campaign's folder is gone", self._here.clock.now())
            raise
        finally:
            if self._page is not None:
                self._page.leave()

    def _run(self) -> bool:
        self._replay()
        done = self._insist(self._repair)
        while done and self.state.ended is None and not self._here.asked_to_leave():
            self._here.clock.sleep(self._safely(self.tick) or self._here.cluster.traits.tick_s)
        if done and self.state.ended is not None:
            finished = self._insist(self._finish)
            if finished and self._page is not None:
                self._page.finish(self._here.asked_to_leave)
            return finished
        self._publisher.leave(self.state, self.book, self._here.clock.now())
        return False

    def start(self) -> None:
        """Replay the journal and repair what a crash left between the journal and the files."""
        self._replay()
        self._repair()

    def _replay(self) -> None:
        events, first = self._journal.events, self._journal.first_event
        lines_from = first + len(events) - FAR_BACK
        for number, event in enumerate(events, first):
            try:
                apply(self.state, event)
                self._follow(event)
                if number >= lines_from:
                    self._narrate(event)
            except TransitionError as err:
                raise self._journal.bad_line(number, err) from err
        events.clear()
        self._code.begin(self.state)
        if broken := check(self.state):
            raise JournalError(f"{self._here.layout.journal} contradicts itself: {broken[0]}")

    def _repair(self) -> None:
        now = self._here.clock.now()
        self._publisher.repair(self.state, now)
        remarks.forget(self._here.layout)
        goes_on = stop_request.read(self._here.layout) is None
        if goes_on:
            if self.state.ending == BREAKER:  # first, or a request would reopen it without these
                self._commit(self._scheduler.reopen(self.state, now))
            self._commit(self._scheduler.extended(self.state, now))
        self._requests.take(self.state, now, self._commit, reopens=goes_on)
        if goes_on:
            self._commit(self._scheduler.reopen(self.state, now))

    def _finish(self) -> None:
        """What is left to do once the campaign has ended; may be done again."""
        reconcile.tidy(self._here.layout, self.state, self._observer.look())
        self._seats.dismiss(self._here.clock.now())
        # What still looks for a leg need not wait in vain; a next start takes it back.
        reconcile.ask_to_leave(self._here.layout, wanted=True)
        if self._checkpoints is not None:
            self._checkpoints.finish(self.state)
        self._publisher.finish(self.state, self.book, self._here.clock.now())

    def tick(self) -> None:
        """Rounds until nothing changes; costs nothing for trials that have ended.

        Raises:
            OSError: the files are away or the disk is full; nothing is lost, try again later.
        """
        here, state = self._here, self.state
        now = here.clock.now()
        self._journal.require_owner()
        self._seats.poll_if_due(state, now, soon=self._observer.awaits_verdict)
        self._starts.look(now)
        self._stop = stop_request.read(here.layout)
        self._say_remarks()
        changed = self._requests.take(state, now, self._commit)
        while self._round(now):
            changed = True
        self._seats.stop_if_broken(state, now)
        self._seats.stop_if_hopeless(self._starts, state, now)
        if state.ended is None:
            to_come = self._scheduler.legs_to_come(state)
            self._seats.fill(state, now, to_come=to_come)
            self._publisher.expect(to_come)
            self._standing.tell(state, self.book, to_come, now, news=changed)
            if self._checkpoints is not None:
                self._checkpoints.tidy(state)
        if self._publisher.summary(state, self.book, now, news=changed):
            here.on_change(state, self.book)
        if self._page is not None:
            self._page.look(news=changed)

    def _round(self, now: float) -> bool:
        """Observe, decide, commit, reconcile; whether there may be more to do at once."""
        # First, so that all of it is seen at once, also by a manager that comes after a crash.
        taken_back = self._take_back(now)
        seen = self._observer.look()
        changes = self._commit(self._observer.facts(self.state, seen, now))
        changes += self._commit(self._quarantine(now))
        stopped = self._stop is not None
        while decisions := self._scheduler.decide(self.state, now, stop_asked=stopped):
            changes += self._commit(decisions)
        self._reconcile(seen, now)
        return taken_back > 0 or bool(changes)

    def _say_remarks(self) -> None:
        """What jobs noticed, once each."""
        for kind in sorted(self._unsaid):
            if text := remarks.read(self._here.layout, kind):
                log.warning("%s", text)
                self._unsaid.discard(kind)

    def _wants_leave(self) -> bool:
        """Whether what runs is to save and leave at its next report."""
        if self._stop is not None and self._stop.how != stop_request.DRAIN:
            return True
        at_limit = self.state.ending not in (None, STOPPED_BY_USER)
        return at_limit and self._at_end == "checkpoint"

    def _quarantine(self, now: float) -> Iterator[ev.Event]:
        """Which nodes are to be left alone; what failed there gets another chance elsewhere."""
        verdicts = list(self._blame.due(now, self.book.busy_nodes()))
        yield from verdicts
        for node in [*(verdict.node for verdict in verdicts), *quarantined(self.state, now)]:
            failed = self._blame.failed_on(node, now)
            yield from self._scheduler.offer_elsewhere(self.state, failed, now)
        yield from self._starts.due(frozenset(quarantined(self.state, now)), now)

    def _take_back(self, now: float) -> int:
        """Void the claims of dead jobs, and offers that should not stand; how many."""
        layout, state, traits = self._here.layout, self.state, self._here.cluster.traits
        taken_back = reconcile.fence_lost(
            layout,
            state,
            self._observer,
            self.book,
            now=now,
            grace_s=traits.result_grace_s,
            vanish_s=traits.vanish_s,
        )
        return taken_back + reconcile.revoke_offers(layout, self._scheduler.outdated_offers(state))

    def _reconcile(self, seen: OpenLegs, now: float) -> None:
        """Make the files match."""
        layout, state = self._here.layout, self.state
        self._offers.keep(state, now)
        self._requests.ask_to_leave(state)
        if (leave := self._wants_leave()) != self._asked:
            reconcile.ask_to_leave(layout, wanted=leave)
            self._asked = leave
        out = {node: told.until for node, told in quarantined(state, now).items()}
        if self._seats_stay and self._told_out is None:
            self._told_out = quarantine_file.told(layout)  # by the manager before
        if self._seats_stay and out != self._told_out:
            quarantine_file.publish(layout, out)
            self._told_out = out
        self._starts.publish(frozenset(out))
        self._silence.tell(state)
        self._publisher.results(state, now)
        reconcile.tidy(layout, state, seen)

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
            if isinstance(event, ev.LegOffered):
                self._offers.note(event.trial_id)
                if self._checkpoints is not None:
                    self._checkpoints.keep_of(event.trial_id)
            self._publisher.note(event)
            if isinstance(event, ev.LegFinished):
                self._code.follow(event.trial_id, event.result)
            if line := self._narrate(event):
                log.log(line.level, "%s", line.text)
        return batch

    def _narrate(self, event: ev.Event) -> Line | None:
        """The line that the log has of an event that was just applied."""
        again = isinstance(event, ev.LegClaimed) and self.book.has_gone_on(event.job_id)
        told = narrate(
            event, self.state, again=again, constants=self._told.at(self.state).constants
        )
        if told is None:
            return None
        line = Line(event.time, *told)
        self._publisher.chronicle.told(line)
        return line

    def _follow(self, event: ev.Event) -> None:
        """Keep the seats, and what is held against their nodes, in step with the legs."""
        self._blame.follow(event)
        self._publisher.chronicle.follow(event, self.state)
        match event:
            case ev.LegClaimed():
                self.book.claimed(event.job_id, event.trial_id, event.time)
            case ev.LegFinished():
                # A job that was asked to leave may have been preempted, and then comes back.
                early = event.result.outcome is Outcome.INTERRUPTED
                stays = event.result.goes_on or early
                self.book.left(event.job_id, over=not stays, early=early)
            case ev.LegLost():
                waits = event.cause == Cause.PREEMPTED or self.book.waits_again(event.job_id)
                self.book.left(event.job_id, over=not waits)
            case ev.LegReturned():
                self.book.returned(self.state.trials[event.trial_id].job_id)

    def _insist(self, act: Callable[[], None]) -> bool:
        """Do `act`, however often it takes; False: a signal asked to leave first."""
        while pause_s := self._safely(act):
            if self._here.asked_to_leave():
                return False
            self._here.clock.sleep(pause_s)
        return True

    def _safely(self, act: Callable[[], None]) -> float:
        """Do `act`; how long to wait (s) if the files could not be used, else 0."""
        now = self._here.clock.now()
        self._folder.require_there(now)
        if running := self.book.running():
            self._disk.look(now, len(running))
        try:
            act()
        except OSError as err:
            now = self._here.clock.now()
            if not self._disk.is_full(err, now, len(self.book.running())):
                self._files.failed(err, now)
            return DISK_PAUSE_S
        self._files.worked(self._here.clock.now())
        return 0.0
