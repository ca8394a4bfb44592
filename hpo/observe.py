"""What the files say, as facts for the journal.

Owns the reading of claims/, revoked/ and the results behind them. Reads only: what follows is
decided by the scheduler and carried out by `reconcile`. A folder or a file that cannot be read now
is no news; nothing is ever concluded from an absence alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from hpo import checkpoint, offers
from hpo import events as ev
from hpo.causes import Cause
from hpo.files import Layout
from hpo.offers import Leg
from hpo.result_file import node_name, read_attempt, read_node
from hpo.seats import JobPhase, SeatBook
from hpo.state import CampaignState, TrialState, TrialStatus

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
    # Why a claim was fenced, from the act to the fact; after a crash the cluster is asked again.
    losses: dict[str, tuple[Cause, str]] = field(default_factory=dict)
    _overdue: dict[Leg, float] = field(default_factory=dict)

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
        for leg in seen.claims:  # seen again: a listing had missed it, as one may during a rename
            self._overdue.pop(replace(leg, done=False), None)
        by_attempt = sorted(seen.claims, key=lambda leg: (leg.trial_id, leg.attempt))
        latest = {leg.trial_id: leg for leg in by_attempt}
        for claim in latest.values():
            trial = state.trials.get(claim.trial_id)
            if trial is not None:
                facts += self._of_claim(trial, claim, now)
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
            yield ev.LegReturned(now, *leg)
            yield ev.LegClaimed(now, *leg, job_id)
        elif trial.status is TrialStatus.OFFERED:
            yield ev.LegClaimed(now, *leg, job_id)
        elif job_id != trial.job_id:
            return
        if claim.done:
            yield from self._of_result(claim, now)

    def _of_result(self, claim: Leg, now: float) -> Iterator[ev.Event]:
        leg = (claim.trial_id, claim.rung, claim.attempt, claim.job_id or "")
        found = read_attempt(self.layout, claim)
        if found is not None:
            self._overdue.pop(claim, None)
            result, _ = found
            yield ev.LegFinished(
                now,
                *leg,
                outcome=result.outcome,
                metric=result.error,
                resource=result.resource,
                elapsed=result.elapsed,
                cause=result.cause,
                message=result.message,
                node=result.node,
            )
        elif self._is_overdue(claim, now):
            message = "the job said it was done, but its result file is missing or damaged"
            yield ev.LegFinished(
                now, *leg, "failed", None, 0, 0.0, cause="unreadable_result", message=message
            )

    def _of_revoked(self, trial: TrialState, leg: Leg, now: float) -> Iterator[ev.Event]:
        key = (leg.trial_id, leg.rung, leg.attempt)
        if leg.job_id is None and trial.status is TrialStatus.OFFERED:
            if leg.attempt > trial.attempt:  # given back before anyone saw that it was claimed
                yield ev.LegReturned(now, *key)
            yield ev.OfferRevoked(now, *key)
        elif trial.status is TrialStatus.CLAIMED and (
            (leg.attempt, leg.job_id) == (trial.attempt, trial.job_id)
        ):
            known = self.losses.pop(leg.name) if leg.name in self.losses else None
            cause, message = known or self._asked_again(leg, now)
            yield self._lost(trial, cause, message, now)

    def _asked_again(self, leg: Leg, now: float) -> tuple[Cause, str]:
        loss = self.book.loss_of(leg.job_id or "", now, grace_s=0.0, vanish_s=0.0)
        seat = self.book.seats.get(leg.job_id or "")
        if loss is not None and seat is not None and seat.status.ok:
            # It may have been requeued, found this leg fenced, and ended well in a later life.
            loss = (Cause.VANISHED, f"job {leg.job_id} has ended and did not finish it")
        return loss or (Cause.VANISHED, f"job {leg.job_id} was gone when the manager came back")

    def _of_missing(self, trials: list[TrialState], now: float) -> Iterator[ev.Event]:
        """Claims that are no longer listed: given back by a requeued job, or removed by hand."""
        if not trials:
            return
        offered = {leg.trial_id: leg for leg in offers.list_legs(self.layout.offers)}
        for trial in trials:
            claim = Leg(trial.trial_id, trial.rung, trial.attempt, trial.job_id)
            back = offered.get(trial.trial_id)
            if back is not None and back.attempt > trial.attempt:
                yield ev.LegReturned(now, trial.trial_id, trial.rung, back.attempt)
            elif self._is_overdue(claim, now):
                yield self._lost(trial, Cause.VANISHED, "its claim file is gone", now)

    def _is_overdue(self, leg: Leg, now: float) -> bool:
        """Whether what `leg` promises has been missing for longer than files take to be seen."""
        since = self._overdue.setdefault(leg, now)
        if now < since + self.grace_s:
            return False
        del self._overdue[leg]
        return True

    def _lost(self, trial: TrialState, cause: Cause, message: str, now: float) -> ev.LegLost:
        saved = checkpoint.find(self.layout.trial(trial.trial_id))
        return ev.LegLost(
            now,
            trial.trial_id,
            trial.rung,
            trial.attempt,
            trial.job_id or "",
            cause=cause.value,
            message=message,
            resource=saved[0].resource if saved else 0,
            node=self._node_of(trial),
        )

    def _node_of(self, trial: TrialState) -> str:
        """Where the lost leg ran, as its job or the cluster says.

        Never from what only this manager has seen: a new one would journal something else.
        """
        job_id = trial.job_id or ""
        leg = Leg(trial.trial_id, trial.rung, trial.attempt, job_id)
        seat = self.book.seats.get(job_id)
        ended = seat is not None and seat.phase is JobPhase.ENDED
        return read_node(self.layout, leg) or node_name(seat.status.node if ended and seat else "")
