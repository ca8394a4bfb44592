"""Make the files match the state: write and revoke offers, fence lost claims, publish results.

What it does could be done again after a crash at any point: each step is one rename or one file.
Which claims are lost the book says, which offers are outdated the scheduler.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable
from typing import Any

from hpo.folder import attempts, offers, opening
from hpo.folder.files import Layout, is_writable, read_object
from hpo.folder.offers import Leg
from hpo.folder.reports import read_reports
from hpo.manager.observe import Observer, OpenLegs
from hpo.record import events as ev
from hpo.record.result import Outcome, seconds
from hpo.record.state import CampaignState, TrialState, TrialStatus
from hpo.seats.book import SeatBook

log = logging.getLogger(__name__)

ENDED = (TrialStatus.COMPLETED, TrialStatus.PAUSED, TrialStatus.FAILED, TrialStatus.STOPPED)
CHECK_S = 300.0  # how often offers are looked for that somebody removed by hand
RECHECK_S = 90.0  # longer than any node keeps the listing of a folder
AT_ONCE = float("-inf")


class OfferKeeper:
    """The offers of one campaign."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._unwritten: set[int] = set()
        self._missing: set[int] = set()  # what the last check did not find
        self._next_check = AT_ONCE

    def note(self, trial_id: int) -> None:
        """The trial was offered in the journal."""
        self._unwritten.add(trial_id)

    def keep(self, state: CampaignState, now: float) -> None:
        """Write what is due.

        Raises:
            OSError: some may not be written; nothing is forgotten.
        """
        if now >= self._next_check:
            self._check(state, now)
        due, self._unwritten = self._unwritten, set()
        try:
            write_offers(self._layout, state, due)
        except OSError:
            # Some were written, and may be taken before the next try: look which lie nowhere.
            self._next_check = AT_ONCE
            raise

    def _check(self, state: CampaignState, now: float) -> None:
        """Look for offers that lie nowhere.

        A listing of a network filesystem may be a minute old, and a leg on its way from one folder
        to another in none of them. So, except after a crash or a failed write, which are known
        reasons, what is missing twice is missing.
        """
        missing = find_unwritten(self._layout, state)
        expected = self._next_check == AT_ONCE
        self._unwritten |= missing if expected else missing & self._missing
        unclear = bool(missing - self._unwritten)
        self._missing = missing
        self._next_check = now + (RECHECK_S if unclear else CHECK_S)


def write_offers(layout: Layout, state: CampaignState, trial_ids: Iterable[int]) -> None:
    """Publish the offers of these trials, where they still are offered."""
    due = [state.trials[i] for i in sorted(trial_ids)]
    offered = [trial for trial in due if trial.status is TrialStatus.OFFERED]
    for trial in offered:
        if trial.attempt == trial.fresh_from:
            attempts.set_aside(layout, trial.trial_id, trial.attempt)
    offers.publish_offers(layout, ((_leg(trial), _content(trial)) for trial in offered))


def find_unwritten(layout: Layout, state: CampaignState) -> set[int]:
    """Offered trials whose offer lies nowhere: a crash came before it was written.

    The folders are listed in the order in which a leg can move (offers, claims, revoked), and the
    first two once more for a leg that a requeued job gave back, and took again, in between.
    """
    unwritten = set(state.of(TrialStatus.OFFERED))
    ways = (layout.offers, layout.claims)
    for folder in (*ways, layout.revoked, *ways):
        for leg in offers.list_legs(folder):
            trial = state.trials.get(leg.trial_id)
            # An older attempt that was not tidied away yet is no sign of this one.
            if trial and (leg.rung, leg.attempt) >= (trial.rung, trial.attempt):
                unwritten.discard(leg.trial_id)
    return unwritten


def revoke_offers(layout: Layout, trial_ids: Collection[int]) -> int:
    """Take back the offers of these trials that nobody has claimed; how many."""
    if not trial_ids:
        return 0
    # The attempt may be a later one than the journal's: given back by a requeued job.
    legs = [leg for leg in offers.list_legs(layout.offers) if leg.trial_id in trial_ids]
    return sum(offers.revoke_offer(layout, leg) for leg in legs)


def ask_to_leave(layout: Layout, *, wanted: bool) -> None:
    """Ask what runs to save and leave at its next report, or take that back."""
    if wanted:
        opening.touch(layout.leave)
    else:
        layout.leave.unlink(missing_ok=True)


def fence_lost(
    layout: Layout,
    state: CampaignState,
    observer: Observer,
    book: SeatBook,
    *,
    now: float,
    grace_s: float,
    vanish_s: float,
) -> int:
    """Void the claims of jobs that are gone, how many; the facts are read from revoked/ next."""
    fenced = 0
    for trial_id in sorted(state.of(TrialStatus.CLAIMED)):
        trial = state.trials[trial_id]
        loss = book.loss_of(trial.job_id or "", now, grace_s=grace_s, vanish_s=vanish_s)
        if loss is None:
            continue
        claim = _leg(trial).claimed_by(trial.job_id or "")
        observer.losses[claim.name] = loss
        fenced += offers.fence(layout, claim)
    return fenced


def tidy(layout: Layout, state: CampaignState, seen: OpenLegs) -> None:
    """Remove legs whose story is in the journal, and fence late writers of older attempts."""
    for leg in seen.claims:
        trial = state.trials.get(leg.trial_id)
        if trial is None or _is_current(trial, leg):
            continue
        if leg.done:
            offers.discard(layout.claims, leg)
        elif offers.fence(layout, leg):
            offers.discard(layout.revoked, leg)
    for leg in seen.revoked:
        trial = state.trials.get(leg.trial_id)
        if trial is not None and not _is_current(trial, leg):
            offers.discard(layout.revoked, leg)


def _is_current(trial: TrialState, leg: Leg) -> bool:
    """Whether the journal still waits for what this leg becomes."""
    if (leg.rung, leg.attempt) < (trial.rung, trial.attempt):
        return False
    if (leg.rung, leg.attempt) > (trial.rung, trial.attempt):
        return True  # given back by a requeued job; the fact comes in the next tick
    if trial.status is TrialStatus.CLAIMED:
        return leg.job_id == trial.job_id
    return trial.status is TrialStatus.OFFERED


def publish_finished(layout: Layout, events: Iterable[ev.Event]) -> None:
    """Publish what jobs laid ready, before the journal tells of it and a next attempt may begin."""
    for event in events:
        if isinstance(event, ev.LegFinished):
            leg = Leg(event.trial_id, event.rung, event.attempt, event.job_id)
            try:
                published = attempts.publish_prepared(layout, leg)
            except OSError:
                published = False  # results/ cannot be used now, and is not waited for
            if not published:
                attempts.discard_prepared(layout, leg)


def publish_results(
    layout: Layout, state: CampaignState, changes: Iterable[ev.Event]
) -> list[dict[str, Any]]:
    """Make the standing results tell what the journal tells; those that were looked at."""
    standing: list[dict[str, Any]] = []
    for event in changes:
        if isinstance(event, ev.LegFinished):
            standing.append(_publish_attempt(layout, state, event))
        elif isinstance(event, (ev.TrialFailed, ev.TrialStopped)):
            trial = state.trials[event.trial_id]
            if trial.job_id is not None and not _told_by_job(trial):
                standing.append(_publish_for_lost(layout, state, trial))
    return standing


def unpublished(layout: Layout, state: CampaignState) -> list[ev.Event]:
    """The last events of ended trials that have no standing result: a crash came in between."""
    try:
        present = set(os.listdir(layout.results))
    except FileNotFoundError:
        present = set()  # somebody removed the whole folder
    events: list[ev.Event] = []
    for status in ENDED:
        for trial_id in sorted(state.of(status)):
            trial = state.trials[trial_id]
            if trial.job_id is None:
                continue
            if layout.result(trial_id).name in present and not _is_behind(layout, trial):
                continue
            if isinstance(trial.ended_leg, ev.LegFinished) and status is not TrialStatus.STOPPED:
                events.append(trial.ended_leg)
            elif status is TrialStatus.FAILED:
                message = trial.message or ""
                events.append(ev.TrialFailed(0.0, trial_id, trial.cause or "", message))
            else:
                events.append(ev.TrialStopped(0.0, trial_id, trial.cause or ""))
    return events


def _is_behind(layout: Layout, trial: TrialState) -> bool:
    """Whether the standing result does not show yet how the manager ended the trial."""
    by_manager = trial.status in (TrialStatus.STOPPED, TrialStatus.FAILED)
    if not by_manager or _told_by_job(trial):
        return False
    return bool(read_object(layout.result(trial.trial_id)).get("status") != trial.status.value)


def publish_never_started(layout: Layout, state: CampaignState) -> list[dict[str, Any]]:
    """Results for trials that no job ever took although later ones ran, so that none is missing."""
    taken = [i for i, trial in state.trials.items() if trial.job_id is not None]
    before = (state.trials[trial_id] for trial_id in range(max(taken, default=0)))
    return [_publish_for_lost(layout, state, trial) for trial in before if trial.job_id is None]


def _told_by_job(trial: TrialState) -> bool:
    return (
        trial.status is TrialStatus.FAILED
        and isinstance(trial.ended_leg, ev.LegFinished)
        and trial.ended_leg.result.outcome is Outcome.FAILED
    )


def _publish_attempt(layout: Layout, state: CampaignState, event: ev.LegFinished) -> dict[str, Any]:
    """For what was published and is not there: a file server may have lost the last rename.

    Where somebody removed the trial's folder too, the journal tells all but its reports. What
    stands then; empty where nothing does.
    """
    leg = Leg(event.trial_id, event.rung, event.attempt, event.job_id)
    standing = read_object(layout.result(event.trial_id))
    attempt = standing.get("attempt")
    if isinstance(attempt, int) and attempt >= event.attempt:
        return standing
    found = attempts.read_attempt(layout, leg)
    if found is not None:
        standing = found[1]
        attempts.publish_standing(layout, standing)
    elif layout.trial(event.trial_id).name not in os.listdir(layout.trials):
        told, config = event.result.to_json(), state.trials[event.trial_id].config
        told["additional_info"] = {"training_time": event.result.elapsed, **told["additional_info"]}
        standing = attempts.document(leg, config, state.goal, [], told)
        attempts.publish_standing(layout, standing)
    return standing


def _publish_for_lost(layout: Layout, state: CampaignState, trial: TrialState) -> dict[str, Any]:
    """A trial whose last job can no longer tell: the manager writes what is known."""
    reports = read_reports(layout.trial(trial.trial_id))
    reports = reports if is_writable(reports) else []
    ended = trial.ended_leg
    last = ended.result if isinstance(ended, ev.LegFinished) else ended
    elapsed = reports[-1].get("elapsed") if reports else None
    told = {
        "status": trial.status.value,
        "error": trial.metric,
        "resource": trial.resource,
        "cause": trial.cause,
        "message": trial.message or (last and last.message),
        "additional_info": {"training_time": seconds(elapsed)},
    }
    leg = Leg(trial.trial_id, trial.rung, trial.attempt, trial.job_id)
    found = attempts.document(leg, trial.config, state.goal, reports, told)
    attempts.publish_standing(layout, found)
    return found


def _leg(trial: TrialState) -> Leg:
    return Leg(
        trial.trial_id,
        trial.rung,
        trial.attempt,
        mem_mb=trial.mem_mb,
        time_s=trial.time_s,
        off=offers.short_name(trial.off),
    )


def _content(trial: TrialState) -> dict[str, Any]:
    return {
        "trial_id": trial.trial_id,
        "rung": trial.rung,
        "attempt": trial.attempt,
        "target": trial.target,
        "final": trial.final,
        "start": trial.resource,
        "config": dict(trial.config),
    }
