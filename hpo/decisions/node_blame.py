"""Which nodes break what they are given: bad ends in a row, counted node by node.

Folded from events, live and in replay, so that it survives a restart; seats that died before they
took a leg are in no journal and are told beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.result import Outcome, Result
from hpo.record.state import CampaignState
from hpo.units.backoff import Backoff

BAD_ENDS = 3  # in a row, of as many different trials or jobs
QUARANTINE = Backoff(3600.0, 24 * 3600.0)
LARGEST_SHARE = 0.5  # of the nodes that are known may be out at once
LONGEST_REASON = 400  # characters; it comes from jobs
PAUSE = Backoff(30.0, 600.0)  # before seats are asked for, from the second bad end in a row on

# The cluster took the leg: a new seat would only be fed to whatever did.
_TAKEN = frozenset({Cause.NODE_FAILED, Cause.VANISHED})


@dataclass(frozen=True, slots=True)
class BadEnd:
    """One bad end; `trial_id` is None for a job that never took a trial.

    `suspect` is the cause of a failure that may as well be the objective's: it counts only while
    nothing fails like that on other nodes, and something succeeds there.
    """

    time: float
    who: str
    why: str
    trial_id: int | None = None
    suspect: str | None = None


@dataclass(slots=True)
class _Record:
    """What one node has done since its last good end."""

    bad: list[BadEnd] = field(default_factory=list)
    good_elsewhere: bool = False  # since the first of `bad`
    failed_elsewhere: set[str] = field(default_factory=set)  # causes, since then
    has_worked: bool = False  # ever, or since it was last let in again
    last_s: float = 0.0  # length of the last quarantine
    until: float = float("-inf")

    def counted(self) -> list[BadEnd]:
        """The bad ends that speak against the node."""
        return [end for end in self.bad if end.suspect is None or self._is_its_own(end.suspect)]

    def is_bad(self) -> bool:
        """Whether enough of them do: a trial that breaks every node counts once."""
        culprits = {end.who if end.trial_id is None else end.trial_id for end in self.counted()}
        return len(culprits) >= BAD_ENDS

    def _is_its_own(self, cause: str) -> bool:
        return self.good_elsewhere and cause not in self.failed_elsewhere


class NodeBlame:
    """The record of every node that this campaign has used."""

    def __init__(self) -> None:
        self._nodes: dict[str, _Record] = {}
        self._blamed: set[str] = set()  # nodes with bad ends
        self._failed: set[int] = set()  # trials whose last leg failed
        self._again: set[int] = set()  # of those, the ones that were offered once more
        self._next_seat = float("-inf")
        self._pause_s: float | None = None  # None: the last end was good

    def follow(self, event: ev.Event) -> None:
        """Take in one event; the journal's others say nothing about nodes."""
        match event:
            case ev.LegFinished(result=Result(outcome=Outcome.FAILED) as told):
                why = f"{told.cause}: {told.message or ''}"
                self._failure(event, told.node, told.cause or "failed", why)
            case ev.LegFinished(result=Result(cause=Cause.NODE_FAILED.value) as told):
                self._bad(told.node, _bad_end(event, told.message or ""))
            case ev.LegFinished(result=told):
                self._pause_s, self._next_seat = None, float("-inf")
                self._good(told.node)
            case ev.LegLost(cause=Cause.KILLED.value):
                self._failure(event, event.node, event.cause, event.message)
            case ev.LegLost() if event.cause in _TAKEN:
                self._lengthen_pause(event.time)
                self._bad(event.node, _bad_end(event, event.message))
            case ev.LegOffered() if event.trial_id in self._failed:
                self._failed.discard(event.trial_id)
                self._again.add(event.trial_id)
            case ev.NodeQuarantined():
                record = self._record(event.node)
                record.last_s, record.until = event.until - event.time, event.until
                record.has_worked = False
                self._clear(event.node, record)
            case _:
                pass

    def seat_died(self, node: str, job_id: str, why: str, now: float) -> None:
        """A job ended through its own fault before it took a leg."""
        self._lengthen_pause(now)
        self._bad(node, BadEnd(now, f"job {job_id}", _text(why)))

    def next_seat_at(self) -> float:
        """When new seats may be asked for: at once, unless bad ends come in a row."""
        return self._next_seat

    def due(self, now: float, busy: Collection[str] = ()) -> Iterator[ev.NodeQuarantined]:
        """The nodes to be quarantined now; `busy` are those where a job works on a leg.

        Never one that is out already, never the last one that works, never too many: what breaks
        everywhere is not a node.
        """
        out = {node for node, record in self._nodes.items() if now < record.until}
        for node in sorted(self._blamed - out):
            record, known = self._nodes[node], self._nodes.keys() | set(busy)
            if not record.is_bad() or len(out) + 1 > LARGEST_SHARE * len(known):
                continue
            ends = record.counted()
            # A job at work is in no journal, and speaks only against what is in none either.
            at_work = set(busy) if any(end.trial_id is None for end in ends) else set()
            if not any(n in at_work or self._works(n) for n in known - out - {node}):
                continue
            length_s = QUARANTINE.after(record.last_s)
            reason = (
                f"{len(ends)} bad ends in a row, of different trials or jobs; the last, "
                f"{ends[-1].who}: {ends[-1].why}"
            )
            out.add(node)
            yield ev.NodeQuarantined(now, node, now + length_s, reason)

    def failed_on(self, node: str, now: float) -> list[int]:
        """The trials that the node failed, and that were not offered again after a failure yet.

        While it is in quarantine, all that fail there.
        """
        record = self._nodes[node]
        ends = record.bad if now < record.until else record.counted()
        ids = {end.trial_id for end in ends if end.suspect is not None}
        return sorted(i for i in ids if i is not None and i in self._failed - self._again)

    def working(self) -> set[str]:
        """The nodes whose last ends were good ones."""
        return {node for node in self._nodes if self._works(node)}

    def _works(self, node: str) -> bool:
        record = self._nodes.get(node)
        return record is not None and record.has_worked and not record.is_bad()

    def _failure(self, event: ev.LegFinished | ev.LegLost, node: str, cause: str, why: str) -> None:
        self._failed.add(event.trial_id)
        for other in self._blamed - {node}:
            self._nodes[other].failed_elsewhere.add(cause)
        self._bad(node, _bad_end(event, why, suspect=cause))

    def _bad(self, node: str, end: BadEnd) -> None:
        if not node:
            return  # nobody knows where
        record = self._record(node)
        if not record.bad:
            record.good_elsewhere, record.failed_elsewhere = False, set()
        record.bad = [*record.bad[-19:], end]
        self._blamed.add(node)

    def _good(self, node: str) -> None:
        for other in self._blamed - {node}:
            self._nodes[other].good_elsewhere = True
        if node:
            record = self._record(node)
            record.has_worked, record.last_s = True, 0.0
            self._clear(node, record)

    def _clear(self, node: str, record: _Record) -> None:
        record.bad = []
        self._blamed.discard(node)

    def _record(self, node: str) -> _Record:
        return self._nodes.setdefault(node, _Record())

    def _lengthen_pause(self, now: float) -> None:
        """Only for the end of a seat that was asked for after the last pause."""
        if self._pause_s is None:
            self._pause_s, self._next_seat = 0.0, now
        elif now > self._next_seat:
            self._pause_s = PAUSE.after(self._pause_s)
            self._next_seat = now + self._pause_s


def quarantined(state: CampaignState, now: float) -> dict[str, ev.NodeQuarantined]:
    """The nodes that no new seat goes to, and why."""
    return {node: told for node, told in state.quarantines.items() if now < told.until}


def _bad_end(event: ev.LegFinished | ev.LegLost, why: str, *, suspect: str | None = None) -> BadEnd:
    who = f"trial {event.trial_id} (job {event.job_id})"
    return BadEnd(event.time, who, _text(why), event.trial_id, suspect)


def _text(text: str) -> str:
    """The first lines of what a job said, as one line that a log can hold."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"
