"""Make the files match the state: write and revoke offers, fence lost claims, publish results.

Acts only: everything here follows from the state and could be done again after a crash at any
point, because each step is one rename or one whole file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from hpo import events as ev
from hpo import offers, result_file
from hpo.files import Layout, read_json
from hpo.observe import Observer, OpenLegs
from hpo.offers import Leg
from hpo.reports import read_reports
from hpo.seats import SeatBook
from hpo.state import CampaignState, TrialState, TrialStatus

log = logging.getLogger(__name__)


def write_offers(layout: Layout, state: CampaignState, trial_ids: Iterable[int]) -> None:
    """Publish the offers of these trials, where they still are offered."""
    due = [state.trials[i] for i in sorted(trial_ids)]
    offered = [trial for trial in due if trial.status is TrialStatus.OFFERED]
    offers.publish_offers(layout, ((_leg(trial), _content(trial)) for trial in offered))


def find_unwritten(layout: Layout, state: CampaignState) -> set[int]:
    """Offered trials whose offer lies nowhere: a crash came before it was written.

    The folders are listed in the order in which a leg can move (offers, claims, revoked), and
    offers once more for a leg that a requeued job gave back in between.
    """
    folders = (layout.offers, layout.claims, layout.revoked, layout.offers)
    present = {leg.trial_id for folder in folders for leg in offers.list_legs(folder)}
    return state.of(TrialStatus.OFFERED) - present


def revoke_offers(layout: Layout, state: CampaignState) -> None:
    """Take back what nobody has claimed, once the campaign is ending."""
    for trial_id in sorted(state.of(TrialStatus.OFFERED)):
        leg = _leg(state.trials[trial_id])
        # One that lies nowhere was never written, or is claimed by now; written and taken back, it
        # tells which, because only one of two renames can win.
        offers.revoke_offer(layout, leg)


def fence_lost(
    layout: Layout,
    state: CampaignState,
    observer: Observer,
    book: SeatBook,
    *,
    now: float,
    grace_s: float,
    vanish_s: float,
) -> None:
    """Void the claims of jobs that are gone; the fact is read from revoked/ in the next tick."""
    for trial_id in sorted(state.of(TrialStatus.CLAIMED)):
        trial = state.trials[trial_id]
        loss = book.loss_of(trial.job_id or "", now, grace_s=grace_s, vanish_s=vanish_s)
        if loss is None:
            continue
        claim = _leg(trial).claimed_by(trial.job_id or "")
        observer.losses[claim.name] = loss
        offers.fence(layout, claim)


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


def publish_results(
    layout: Layout, state: CampaignState, changes: Iterable[ev.Event], *, metric: str
) -> None:
    """Make the standing results tell what the journal tells."""
    for event in changes:
        if isinstance(event, ev.LegFinished):
            _publish_attempt(layout, event)
        elif isinstance(event, (ev.TrialFailed, ev.TrialStopped)):
            trial = state.trials[event.trial_id]
            if trial.job_id is not None and not _told_by_job(trial):
                _publish_for_lost(layout, state, trial, metric)


def unpublished(layout: Layout, state: CampaignState) -> list[ev.Event]:
    """The last events of ended trials that have no standing result: a crash came in between."""
    present = {path.name for path in layout.results.iterdir()}
    events: list[ev.Event] = []
    for status in (TrialStatus.COMPLETED, TrialStatus.FAILED, TrialStatus.STOPPED):
        for trial_id in sorted(state.of(status)):
            trial = state.trials[trial_id]
            if layout.result(trial_id).name in present or trial.job_id is None:
                continue
            if isinstance(trial.ended_leg, ev.LegFinished):
                events.append(trial.ended_leg)
            elif status is TrialStatus.FAILED:
                events.append(ev.TrialFailed(0.0, trial_id, trial.cause or "", ""))
            else:
                events.append(ev.TrialStopped(0.0, trial_id, trial.cause or ""))
    return events


def _told_by_job(trial: TrialState) -> bool:
    return (
        trial.status is TrialStatus.FAILED
        and isinstance(trial.ended_leg, ev.LegFinished)
        and trial.ended_leg.outcome == "failed"
    )


def _publish_attempt(layout: Layout, event: ev.LegFinished) -> None:
    """The job publishes its own result; this is for one that died just before it."""
    leg = Leg(event.trial_id, event.rung, event.attempt, event.job_id)
    standing = read_json(layout.result(event.trial_id))
    if isinstance(standing, dict) and standing.get("attempt") == event.attempt:
        return
    found = result_file.read_attempt(layout, leg)
    if found is not None:
        result_file.publish_standing(layout, found[1])


def _publish_for_lost(layout: Layout, state: CampaignState, trial: TrialState, metric: str) -> None:
    """A trial whose last job can no longer tell: the manager writes what is known."""
    reports = read_reports(layout.trial(trial.trial_id))
    leg = trial.ended_leg
    message = leg.message if leg is not None else None
    spent = [float(report.get("elapsed") or 0.0) for report in reports[-1:]]
    result_file.publish_standing(
        layout,
        result_file.document(
            trial_id=trial.trial_id,
            status=trial.status.value,
            config=trial.config,
            metric=metric,
            mode=state.mode,
            history=reports,
            error=None,
            resource=trial.resource,
            rung=trial.rung,
            attempt=trial.attempt,
            job_id=trial.job_id,
            cause=trial.cause,
            message=message,
            additional_info={"training_time": sum(spent)},
        ),
    )


def _leg(trial: TrialState) -> Leg:
    return Leg(trial.trial_id, trial.rung, trial.attempt)


def _content(trial: TrialState) -> dict[str, Any]:
    return {
        "trial_id": trial.trial_id,
        "rung": trial.rung,
        "attempt": trial.attempt,
        "target": trial.target,
        "config": dict(trial.config),
    }
