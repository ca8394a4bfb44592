"""What the files say, as facts for the journal.

Owns the reading of claims/, revoked/ and the results behind them. Reads only: what follows is
decided by the scheduler and carried out by `reconcile`. A folder or a file that cannot be read now
is no news; nothing is ever concluded from an absence alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hpo import checkpoint
from hpo.folder import offers
from hpo.folder import stop as stop_request
from hpo.folder.attempts import fault_of_attempt, read_attempt, read_begun
from hpo.folder.files import Layout
from hpo.folder.offers import Leg, short_name
from hpo.folder.reports import read_attempt_reports
from hpo.record import events as ev
from hpo.record.causes import Cause
from hpo.record.goal import Goal
from hpo.record.result import MOST_RESOURCE, Outcome, Result, amount, node_name, seconds
from hpo.record.state import CampaignState, TrialState, TrialStatus
from hpo.seats.book import JobPhase, SeatBook

LATE_RESULT_S = 600.0  # a done claim costs nothing, and its result may be hours of work
HELD = (TrialStatus.OFFERED, TrialStatus.CLAIMED)


@dataclass(frozen=True, slots=True)
class OpenLegs:
    """The legs that are in somebody's hands, as listed at one time."""

    claims: list[Leg]
    revoked: list[Leg]


@dataclass(slots=True)
class Observer:
    """Turns what lies in the campaign directory into facts; remembers what is overdue."""

    layout: Layout
    book: SeatBook
    grace_s: float
    goal: Goal = field(default_factory=Goal)
    verdict_s: float = 0.0  # to wait for why a job was asked to leave
    # Why a claim was fenced, from the act to the fact; after a crash the cluster is asked again.
    losses: dict[str, tuple[Cause, str]] = field(default_factory=dict)
    _overdue: dict[Leg, float] = field(default_factory=dict)
    _left: dict[Leg, float] = field(default_factory=dict)  # since when a verdict is waited for

    @property
    def awaits_verdict(self) -> bool:
        """Whether the cluster is to say why a job was asked to leave."""
        return bool(self._left)

    def look(self) -> OpenLegs:
        """List the open legs: a number of files that does not grow with finished trials.

        Raises:
            OSError: no news.
        """
        claims = offers.list_legs(self.layout.claims)
        return OpenLegs(claims, offers.list_legs(self.layout.revoked))

    def facts(self, state: CampaignState, seen: OpenLegs, now: float) -> list[ev.Event]:
        """All facts that `seen` adds to `state`, in an order in which they can be applied."""
        facts: list[ev.Event] = []
        self._left = {leg: since for leg, since in self._left.items() if leg in seen.claims}
        for leg in seen.claims if self._overdue else ():
            # Seen again: a listing had missed it, as one may during a rename.
            self._overdue.pop(leg._replace(done=False), None)
        by_attempt = sorted(seen.claims, key=lambda leg: (leg.trial_id, leg.attempt))
        latest = {leg.trial_id: leg for leg in by_attempt}
        # A job that takes one leg after the other holds one at a time, also in the journal: how
        # the one before ended is told first, and the next in the next round.
        busy = {state.trials[i].job_id: i for i in state.of(TrialStatus.CLAIMED)}
        for claim in sorted(latest.values(), key=lambda leg: not leg.done):
            trial = state.trials.get(claim.trial_id)
            if trial is None or busy.get(claim.job_id, trial.trial_id) != trial.trial_id:
                continue
            news = list(self._of_claim(trial, claim, now))
            if news:
                busy[claim.job_id] = trial.trial_id
            facts += news
        for leg in seen.revoked:
            trial = state.trials.get(leg.trial_id)
            if trial is not None and leg.rung == trial.rung and leg.attempt >= trial.attempt:
                facts += self._of_revoked(trial, leg, now)
        missing = [i for i in sorted(state.of(TrialStatus.CLAIMED)) if i not in latest]
        gone = {leg.trial_id for leg in seen.revoked}
        facts += self._of_missing([state.trials[i] for i in missing if i not in gone], now)
        return facts

    def _of_claim(self, trial: TrialState, claim: Leg, now: float) -> Iterator[ev.Event]:
        leg = (claim.trial_id, claim.rung, claim.attempt)
        job_id = claim.job_id or ""
        if trial.status not in HELD or claim.rung != trial.rung or claim.attempt < trial.attempt:
            return  # a late writer of the past; reconcile fences it
        if claim.attempt > trial.attempt:
            yield self._returned(trial, claim.attempt, now)
            yield ev.LegClaimed(now, *leg, job_id)
        elif trial.status is TrialStatus.OFFERED:
            yield ev.LegClaimed(now, *leg, job_id)
        elif job_id != trial.job_id:
            return
        if claim.done:
            yield from self._of_result(trial, claim, now)

    def _of_result(self, trial: TrialState, claim: Leg, now: float) -> Iterator[ev.Event]:
        leg = (claim.trial_id, claim.rung, claim.attempt, claim.job_id or "")
        found = read_attempt(self.layout, claim)
        if found is not None:
            self._overdue.pop(claim, None)
            # Whoever asked that the trial stops is the reason, and no verdict is waited for.
            asked = bool(trial.stop_asked)
            result = found[0] if asked else self._judged(claim, found[0], now)
            if result is not None:
                yield ev.LegFinished(now, *leg, result)
        elif self._is_overdue(claim, now, self.grace_s):
            fault = fault_of_attempt(self.layout, claim)
            message = f"its job said it was done, but its result cannot be used: {fault.text}"
            if fault.lasting:
                yield self._lost(trial, claim, Cause.VANISHED, message, now)
            elif self._is_overdue(claim, now, LATE_RESULT_S):
                yield self._lost(trial, claim, Cause.STORAGE, message, now)

    def _judged(self, claim: Leg, result: Result, now: float) -> Result | None:
        """The result, with why its job was asked to leave; None: the cluster is yet to say.

        SLURM signals a job that is cancelled, or whose node is given up, like one that is
        preempted, and all of them save and leave.
        """
        if result.outcome is not Outcome.INTERRUPTED or not self.verdict_s:
            return result
        job_id = claim.job_id or ""
        verdict = self.book.verdict_on(job_id)
        if verdict is None and now < self._left.setdefault(claim, now) + self.verdict_s:
            return None
        self._left.pop(claim, None)
        if verdict is None or stop_request.was_cancelled(self.layout, job_id):
            return result
        if verdict.cause is Cause.NODE_FAILED:
            return replace(result, cause=verdict.cause.value, message=verdict.detail)
        if verdict.cause is Cause.CANCELLED and verdict.phase is JobPhase.ENDED:
            message = f"its job {job_id} was cancelled: {verdict.detail}"
            return replace(result, cause=verdict.cause.value, message=message)
        return result

    def _of_revoked(self, trial: TrialState, leg: Leg, now: float) -> Iterator[ev.Event]:
        key = (leg.trial_id, leg.rung, leg.attempt)
        if leg.job_id is None and trial.status is TrialStatus.OFFERED:
            if leg.attempt > trial.attempt:  # given back before anyone saw that it was claimed
                yield self._returned(trial, leg.attempt, now)
            yield ev.OfferRevoked(now, *key)
            return
        lost_line = trial.status is TrialStatus.OFFERED  # somebody cut the journal
        held = trial.status is TrialStatus.CLAIMED and trial.job_id == leg.job_id
        if leg.job_id is None or leg.attempt != trial.attempt or not (held or lost_line):
            return
        if lost_line:
            yield ev.LegClaimed(now, *key, leg.job_id)
        known = self.losses.pop(leg.name) if leg.name in self.losses else None
        cause, message = known or self._asked_again(leg, now)
        yield self._lost(trial, leg, cause, message, now)

    def _asked_again(self, leg: Leg, now: float) -> tuple[Cause, str]:
        job_id = leg.job_id or ""
        loss = self.book.loss_of(job_id, now, grace_s=0.0, vanish_s=0.0)
        seat = self.book.seats.get(job_id)
        if seat is not None and seat.status.ok:
            loss = None  # a later life of the job ended well: that says nothing of this one
        return loss or (Cause.VANISHED, f"job {leg.job_id} was gone when the manager came back")

    def _of_missing(self, trials: list[TrialState], now: float) -> Iterator[ev.Event]:
        """Claims that are no longer listed: given back by a requeued job, or removed by hand."""
        if not trials:
            return
        offered = {leg.trial_id: leg for leg in offers.list_legs(self.layout.offers)}
        for trial in trials:
            claim = Leg(
                trial.trial_id,
                trial.rung,
                trial.attempt,
                trial.job_id,
                mem_mb=trial.mem_mb,
                time_s=trial.time_s,
                off=short_name(trial.off),
            )
            back = offered.get(trial.trial_id)
            if back is not None and back.attempt > trial.attempt:
                yield self._returned(trial, back.attempt, now)
            elif self._is_overdue(claim, now, self.grace_s):
                yield self._lost(trial, claim, Cause.VANISHED, "its claim file is gone", now)

    def _is_overdue(self, leg: Leg, now: float, grace_s: float) -> bool:
        """Whether what `leg` promises has been missing for longer than files take to be seen."""
        return now >= self._overdue.setdefault(leg, now) + grace_s

    def _lost(
        self, trial: TrialState, claim: Leg, cause: Cause, message: str, now: float
    ) -> ev.LegLost:
        if stop_request.was_cancelled(self.layout, claim.job_id or ""):
            cause, message = Cause.STOPPED, f"job {claim.job_id} was cancelled by `hpo stop`"
        folder = self.layout.trial(claim.trial_id)
        saved = checkpoint.find(folder)
        job_id = claim.job_id or ""
        # The claim may be as new to the state as its loss.
        claimed_at = trial.claimed_at if trial.status is TrialStatus.CLAIMED else now
        ended_at = self.book.end_of(job_id)
        seat_s = max(0.0, (now if ended_at is None else ended_at) - claimed_at)
        lost_s, lost_resource = unsaved_work(
            folder, claim.attempt, self.goal.resource, seat_s=seat_s
        )
        begun = read_begun(self.layout, claim)
        return ev.LegLost(
            now,
            claim.trial_id,
            claim.rung,
            claim.attempt,
            job_id,
            cause=cause.value,
            message=message,
            resource=saved[0].resource if saved else 0,
            lost_s=lost_s,
            lost_resource=lost_resource,
            node=node_name(begun.get("host")) or self._last_node(job_id),
            mem_had_mb=amount(begun.get("mem_had_mb")),
            time_had_s=amount(begun.get("time_had_s")),
        )

    def _returned(self, trial: TrialState, attempt: int, now: float) -> ev.LegReturned:
        """The leg is offered again as `attempt`; the attempt before it was cut off."""
        folder = self.layout.trial(trial.trial_id)
        lost_s, lost_resource = unsaved_work(folder, trial.attempt, self.goal.resource)
        reports = read_attempt_reports(folder, trial.attempt)
        resources = [_resource(report, self.goal.resource) for report in reports]
        return ev.LegReturned(
            now,
            trial.trial_id,
            trial.rung,
            attempt,
            lost_s,
            lost_resource,
            max(resources, default=0),
        )

    def _last_node(self, job_id: str) -> str:
        """Where the cluster says that a job ended.

        Not where this manager saw it run: a new one would journal something else.
        """
        seat = self.book.seats.get(job_id)
        ended = seat is not None and seat.phase is JobPhase.ENDED
        return node_name(seat.status.node if ended and seat else "")


def unsaved_work(
    folder: Path, attempt: int, resource_attr: str, *, seat_s: float | None = None
) -> tuple[float, int]:
    """Seconds and resource steps since the attempt's last checkpoint, as far as its files tell.

    What users save in files of their own is not known here and counts as lost.

    Args:
        folder: `trials/trial_N`.
        attempt: the one whose job was lost.
        resource_attr: the resource's name in reports.
        seat_s: how long the job held the leg (s); not known: until its last report.
    """
    saved = [found.resource for found in checkpoint.find(folder) if found.attempt == attempt]
    kept = max(saved, default=0)
    found = read_attempt_reports(folder, attempt)
    reports = [report for report in found if _resource(report, resource_attr)]
    if seat_s is None:
        seat_s = max((_elapsed(report) for report in reports), default=0.0)
    kept_s = [_elapsed(report) for report in reports if report[resource_attr] <= kept]
    unsaved = sum(1 for report in reports if report[resource_attr] > kept)
    return max(0.0, seat_s - max(kept_s, default=0.0)), unsaved


def _elapsed(report: Mapping[str, Any]) -> float:
    return seconds(report.get("elapsed"))


def _resource(report: Mapping[str, Any], name: str) -> int:
    """How far a report says that it is; 0 where no job said so."""
    value = report.get(name)
    return value if type(value) is int and 0 <= value <= MOST_RESOURCE else 0
