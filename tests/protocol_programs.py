"""What the processes of the model run: a seat and a manager, out of the program's own parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from protocol_files import ModelPath, Port, port_of

from hpo.cluster.protocol import ClusterTraits
from hpo.decisions.limits import SeatLimits
from hpo.decisions.scheduler import Limits, Scheduler
from hpo.folder import offers
from hpo.folder.attempts import Account
from hpo.folder.files import Layout
from hpo.folder.journal import Journal
from hpo.job import leg
from hpo.manager.loop import Manager, Surroundings
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.goal import Goal
from hpo.record.result import Outcome, Result
from hpo.record.state import TrialStatus
from hpo.report.summary import Summary
from hpo.search.random import AsyncRandomSearch
from hpo.seats.book import JobPhase, JobStatus
from hpo.seats.orders import Cancel, Change, Submit
from hpo.space.space import read_space

LAYOUT = Layout(cast("Path", ModelPath("/c")))  # which has what the protocol uses of one
JOURNAL = "/c/journal"
GRACE_S = 1.0
NO_TIME, GRACE_OVER = 0.0, GRACE_S  # since the tick before
SPACE, _ = read_space({"lr": [0.1], "max_epochs": 2})


def job_program(
    name: str, *, requeued: bool, first_outcome: str, legs: int
) -> Callable[[Port], Any]:
    """What `worker.run_seat` does to files, with training left out; it takes up to `legs` legs."""

    def run(port: Port) -> str:
        if requeued:
            offers.give_back(LAYOUT, name)
        outcome = "no offer"
        for left in reversed(range(legs)):
            taken = offers.claim_best(LAYOUT, name)
            if taken is None:
                return outcome
            outcome = train(port, taken, goes_on=left > 0)
            if outcome == "void":
                return outcome  # somebody holds the job for dead
        return outcome

    def train(port: Port, taken: tuple[offers.Leg, dict[str, Any]], *, goes_on: bool) -> str:
        claim, offer = taken
        port("holds", claim.name, json.dumps(offer), goes_on)
        interrupted = claim.attempt == 0 and first_outcome == "interrupted"
        outcome = Outcome.INTERRUPTED if interrupted else Outcome.COMPLETED
        result = Result(outcome, 0.5, 1 if interrupted else 2, 1.0, goes_on=goes_on)
        account = Account(claim, result, offer["config"], Goal(), [], {"end_time": 1.0})
        return "counts" if leg.finish_leg(LAYOUT, account) else "void"

    return run


class _Journal:
    first_event = 1

    def __init__(self, port: Port) -> None:
        self._port = port
        lines = port("read", JOURNAL).splitlines()
        self.events = [ev.from_record(json.loads(line)) for line in lines]
        self._text = "".join(line + "\n" for line in lines)

    def append(self, events: list[ev.Event]) -> None:
        self._text += "".join(json.dumps(ev.to_record(event)) + "\n" for event in events)
        self._port("write", JOURNAL, self._text)

    def require_owner(self) -> None:
        pass


class _Cluster:
    traits = ClusterTraits(
        has_queue=True, tick_s=0.0, poll_s=0.0, result_grace_s=GRACE_S, vanish_s=GRACE_S
    )
    others = 0

    def __init__(self, port: Port) -> None:
        self._port = port

    def submit(self, order: Submit) -> list[str]:
        del order
        return []  # the two jobs are there

    def change(self, order: Change) -> None:
        assert isinstance(order, Cancel)
        self._port("cancel", order.job_ids)

    def last_words(self, job_id: str) -> str:
        del job_id
        return ""

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        told = self._port("poll", tuple(job_ids))
        return {
            name: JobStatus(JobPhase(phase), cause=Cause(cause), detail=cause, ok=cause == "killed")
            for name, phase, cause in told
        }


class _Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    def sleep(self, _seconds: float) -> None:
        pass


class _NoSummary:
    def is_due(self, *_what: Any, **_how: Any) -> bool:
        return False

    def write(self, *_what: Any, **_how: Any) -> None:
        pass


class _Manager(Manager):
    """The real one, to whom all times are alike but for what has become overdue."""

    def _commit(self, events: Iterable[ev.Event]) -> list[ev.Event]:
        return super()._commit([replace(event, time=0.0) for event in events])

    def _round(self, now: float) -> bool:
        port_of[-1]("round", lambda: _knowledge(self), now)
        return super()._round(now)

    def forget_times(self) -> None:
        self._observer._overdue = dict.fromkeys(self._observer._overdue, 0.0)
        for seat in self.book.seats.values():
            seat.ended_at = None if seat.ended_at is None else 0.0
            seat.told_at = None if seat.told_at is None else 0.0
            seat.absent_since = None if seat.absent_since is None else 0.0
            seat.seen_at = 0.0
        self._offers._next_check = 10.0 * GRACE_S
        self._seats._next_poll = self.book.vain_at = 0.0

    def waits_for_time(self) -> bool:
        seats = self.book.seats.values()
        overdue = self._observer._overdue or self.state.of(TrialStatus.OFFERED)
        return bool(overdue) or any(
            seat.ended_at is not None or seat.absent_since is not None for seat in seats
        )

    def let_pass(self, seconds: float) -> None:
        """Long enough for what is overdue to count, and for another look at the offers."""
        if seconds:
            self._offers._next_check = NO_TIME


def manager_program(port: Port) -> str:
    clock, journal = _Clock(), _Journal(port)
    scheduler = Scheduler(AsyncRandomSearch(SPACE, 0), Limits(n_trials=1))
    manager = _Manager(
        # The journal too has as much as this manager uses.
        Surroundings(LAYOUT, _Cluster(port), clock, lambda: False),
        cast("Journal", journal),
        scheduler,
        SeatLimits(2, 10),
        goal=Goal(),
    )
    manager._publisher._summary = cast("Summary", _NoSummary())
    manager.start()
    while manager.state.ended is None:
        clock.time = port("tick", lambda: _knowledge(manager), manager.waits_for_time)
        manager.let_pass(clock.time)
        manager.tick()
        manager.forget_times()
    return "ended"


def _knowledge(manager: Manager) -> str:
    """All that decides what this manager does next, as a key."""
    observer, seats = manager._observer, manager._seats
    parts = (
        manager.state,
        cast("_Journal", manager._journal)._text,  # which the state does not tell
        manager.book,
        (observer.losses, observer._overdue),
        (vars(manager._offers), manager._publisher._due, manager._asked),
        (seats._held, seats._pauses, seats._ask_at_most),
    )
    return repr(parts)
