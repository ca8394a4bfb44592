"""Run one claimed leg: call the objective, and write down what it came to, whatever happens.

Owns the order that makes a result safe: the attempt's own file, then the claim's rename (which
fails if the claim was fenced off), then the standing result. Knows no queue and no scheduler; jobs
and the simulator run legs through it alike.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hpo.folder import attempts, offers, opening, remarks
from hpo.folder.attempts import Account
from hpo.folder.files import Layout, publish_again, publish_json
from hpo.folder.full_disk_output import log_again
from hpo.folder.patience import Patience
from hpo.job.ending import account_of, earlier_time, out_of_memory, train, with_folder_told
from hpo.job.orders import LegSettings, Surroundings
from hpo.record.result import Outcome
from hpo.seats.silence import longest_silence_s
from hpo.trial.trial import Trial

log = logging.getLogger(__name__)


def run_leg(
    layout: Layout,
    claim: offers.Leg,
    offer: Mapping[str, Any],
    load: Callable[[], Callable[..., Any]],
    settings: LegSettings,
    here: Surroundings,
) -> Account:
    """Train the claimed leg with the function that `load` gives; what is to be told of it.

    Raises:
        StorageTrouble: what had to be written could not be; the leg has to be run again.
    """
    alone = attempts.files_of(layout, claim).leave

    def asked_to_leave() -> bool:
        # Not Path.exists, which raises when the file server is away.
        return (
            here.asked_to_leave()
            or os.path.exists(layout.leave)
            or os.path.exists(alone)
            or not offers.is_held(layout, claim)
        )

    def is_asked(within_s: float) -> bool:
        """The same for an end that has come: a request may have been on its way."""
        _take_back(here)  # at once: the same signal may come twice
        return asked_to_leave() or (here.flag is not None and here.flag.comes(within_s))

    start = here.clock()
    patience = here.patience._replace(leaving=asked_to_leave)
    what = f"trial {claim.trial_id}: its configuration"
    patience.insist(what, lambda: _note_start(layout, claim, offer, here, start))
    earlier = earlier_time(layout, claim)
    trial = Trial(
        trial_id=claim.trial_id,
        config=settings.config_of(offer),
        folder=layout.trial(claim.trial_id),
        attempt=claim.attempt,
        target=offer.get("target"),
        final=offer.get("final", True),
        resource_attr=settings.goal.resource,
        metric=settings.goal.metric,
        checkpoint_interval=settings.checkpoint_interval,
        asked_to_leave=asked_to_leave,
        clock=here.clock,
        patience=patience,
        remark=lambda text: remarks.leave(layout, remarks.SLOW_SAVING, text),
    )
    killed_before = here.oom_kills()
    try:
        result = train(trial, load, settings.goal, is_asked)
    finally:
        _take_back(here)
    if result.outcome is Outcome.FAILED and here.oom_kills() > killed_before:
        result = out_of_memory(result)
    if result.outcome is Outcome.FAILED and settings.cwd == "trial":
        result = with_folder_told(result)
    if result.outcome is Outcome.COMPLETED and not (offer.get("final", True) or result.early):
        result = replace(result, outcome=Outcome.PAUSED)
    end = max(start, here.clock())
    goal, taken, reports = settings.goal, (claim, offer), trial.history
    silence_s = longest_silence_s([report["time"] for report in reports], start, end)
    result = replace(result, silence_s=silence_s)
    return account_of(taken, goal, here, result, reports, start=start, end=end, earlier=earlier)


def _note_start(
    layout: Layout, claim: offers.Leg, offer: Mapping[str, Any], here: Surroundings, start: float
) -> None:
    """Write who begins the leg, and when: for people, and to count what was lost."""
    files = attempts.files_of(layout, claim)
    opening.make_folder(files.folder, parents=1)
    # Not worth a sync of the disk for each trial.
    publish_json(layout.config(claim.trial_id), offer["config"], durable=False)
    who = {"job_id": here.job_id, "host": here.host, "start_time": start}
    publish_json(files.begun, {**who, **here.info}, durable=False)


def _take_back(here: Surroundings) -> None:
    """What users' code may have taken, and what we write must not be stopped by."""
    if here.flag is not None:  # not in a simulation
        log_again()
        here.flag.listen()


def finish_leg(layout: Layout, account: Account, patience: Patience = Patience()) -> bool:
    """Publish what the leg came to; False: the claim was fenced off meanwhile, nothing counts.

    Raises:
        StorageTrouble: it could not be written; the leg has to be run again.
    """
    claim, found = account.leg, account.to_json()
    files = attempts.files_of(layout, claim)

    def publish() -> None:
        opening.make_folder(files.folder, parents=1)  # because somebody may have removed it
        # Not synced, because the second name's sync is that of both.
        publish_json(files.result, found, folder=False)
        publish_again(files.result, files.ready)

    what = f"trial {claim.trial_id}: its result"
    asked_to_leave = patience.leaving
    patience = patience._replace(
        leaving=lambda: asked_to_leave() or not offers.is_held(layout, claim)
    )
    patience.insist(what, publish, patience.result_s)
    if not patience.insist(what, lambda: offers.finish(layout, claim), patience.result_s):
        with contextlib.suppress(OSError):
            attempts.discard_prepared(layout, claim)
        return False
    try:
        attempts.publish_prepared(layout, claim)
    except OSError as err:  # not waited for: the manager writes what is missing there
        log.warning("trial %d: its standing result cannot be written: %s", claim.trial_id, err)
    return True
