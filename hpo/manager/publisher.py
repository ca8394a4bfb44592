"""Writes what people read: results/, status.json, best_config.json, final_results.json.

All of it follows from the journal, so that a file which cannot be written now never holds up the
campaign; only the end waits for the last one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from hpo.decisions.needs import ComingLeg
from hpo.folder.files import Layout
from hpo.manager import reconcile
from hpo.manager.disk_watch import DiskWatch
from hpo.manager.last_reports import LastReports
from hpo.manager.lock import this_process
from hpo.manager.results_collector import ResultsCollector
from hpo.manager.trouble_teller import TroubleTeller
from hpo.record import events as ev
from hpo.record.state import CampaignState, TrialStatus
from hpo.report.chronicle import Chronicle
from hpo.report.standing import Told
from hpo.report.status import Seen
from hpo.report.summary import Summary
from hpo.seats.book import SeatBook


class Publisher:
    """The derived files of one campaign; `chronicle` is to follow each event."""

    def __init__(self, layout: Layout, told: Told, disk: DiskWatch) -> None:
        self._layout = layout
        self._told = told
        self._process = this_process()
        self.chronicle = Chronicle()
        self._reports = LastReports(layout)
        self._to_come: Mapping[ComingLeg, int] = {}
        self._summary = Summary(layout)
        self._collector = ResultsCollector(layout)
        self._disk = disk
        self._due: list[ev.Event] = []
        self._trouble = TroubleTeller(
            "status.json or best_config.json", "The campaign goes on without"
        )
        # One of its own, or each file that can be written would end the trouble of the others.
        self._results_trouble = TroubleTeller("results/", "The campaign goes on without")

    def repair(self, state: CampaignState, now: float) -> None:
        """Find the results that a crash, or somebody, left missing."""

        def look() -> None:
            self._due = reconcile.unpublished(self._layout, state)
            self._collector.repair(state)

        self._tried(look, now, self._results_trouble)

    def note(self, event: ev.Event) -> None:
        """A trial's standing result changes by this event."""
        ends = (ev.TrialCompleted, ev.TrialPaused)  # of a trial that had been stopped, and retried
        if isinstance(event, (ev.LegFinished, ev.TrialFailed, ev.TrialStopped, *ends)):
            self._due.append(event)

    def results(self, state: CampaignState, now: float) -> None:
        """Write the results that are due; those that cannot be written stay due."""
        self._due = [
            event
            for event in self._due
            if not self._tried(partial(self._publish, state, [event]), now, self._results_trouble)
        ]
        if self._collector.is_due:
            self._tried(self._collector.write, now, self._results_trouble)

    def expect(self, to_come: Mapping[ComingLeg, int]) -> None:
        """Legs that are expected beyond those that are offered."""
        self._to_come = to_come

    def summary(self, state: CampaignState, book: SeatBook, now: float, *, news: bool) -> bool:
        """Write the summary where there is news, or it is old; whether it was due."""
        due = self._summary.is_due(state, now, news=news)
        if due:
            self._tried(partial(self._write, state, book, now), now)
        return due

    def leave(self, state: CampaignState, book: SeatBook, now: float) -> None:
        """The last word of a manager that leaves."""
        self._tried(partial(self._write, state, book, now), now)

    def finish(self, state: CampaignState, book: SeatBook, now: float) -> None:
        """Write everything, once the campaign has ended; may be repeated.

        Raises:
            OSError: something cannot be written now.
        """
        self._publish(state, self._due)
        self._publish(state, reconcile.unpublished(self._layout, state))
        # Of an end that is repeated, or comes after another, they have lines.
        never = reconcile.publish_never_started(self._layout, state)
        self._collector.note(d for d in never if not self._collector.knows(d["trial_id"]))
        self._collector.write(all_of_it=True)
        self._write(state, book, now, final=True)

    def _write(
        self, state: CampaignState, book: SeatBook, now: float, *, final: bool = False
    ) -> None:
        running = state.of(TrialStatus.CLAIMED)
        self.chronicle.look(now, len(running), len(book.queued()))
        self._reports.look(state, running, now)
        beat = {
            "job_id": self._process.job_id,
            "host": self._process.host,
            "pid": self._process.pid,
            "beat": time.time(),  # not the campaign's, which may be that of a simulation
        }
        name, reported = self._layout.root.name, self._reports.told
        seen = Seen(now, name, beat, self._told.at(state), self._to_come, reported)
        self._summary.write(state, book, self.chronicle, seen, final=final)

    def _publish(self, state: CampaignState, events: list[ev.Event]) -> None:
        self._collector.note(reconcile.publish_results(self._layout, state, events))

    def _tried(
        self, write: Callable[[], None], now: float, trouble: TroubleTeller | None = None
    ) -> bool:
        trouble = trouble or self._trouble
        try:
            write()
        except OSError as err:
            if not self._disk.is_full(err, now):
                trouble.failed(err, now)
            return False
        trouble.worked(now)
        return True
