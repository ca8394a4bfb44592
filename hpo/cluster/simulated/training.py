"""How a simulated leg is carried out once the time that it takes has passed.

Owns the step from virtual epochs to the campaign's real files: the same `leg` code as in real jobs,
run at one moment, with a clock that tells what the leg would have seen. Decides nothing about time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from hpo.cluster.simulated.clock import LegTime
from hpo.cluster.simulated.jobs import RunningLeg, SimulatedJob
from hpo.folder import opening
from hpo.folder.attempts import Account, files_of
from hpo.folder.files import Layout, publish_json
from hpo.folder.patience import Patience
from hpo.job.leg import finish_leg, run_leg
from hpo.job.orders import LegSettings, Surroundings
from hpo.record.result import Outcome

GoesOn = Callable[[Outcome], bool]
NO_PATIENCE = Patience(report_s=0.0, result_s=0.0)  # a leg takes no time of its own here


class LegRunner:
    """Runs the legs of one campaign."""

    def __init__(
        self, layout: Layout, settings: LegSettings, load: Callable[[], Callable[..., Any]]
    ) -> None:
        self._layout = layout
        self._settings = settings
        self._load = load

    def finish(self, job: SimulatedJob, leg: RunningLeg, goes_on: GoesOn) -> Outcome:
        """Train the leg to its target, and publish what it came to, and whether the job goes on.

        Returns:
            how it ended.

        Raises:
            StorageTrouble: it cannot be written.
        """
        account = self._run(job, leg, leg.offer, leg.end, goes_on=goes_on)
        finish_leg(self._layout, account, NO_PATIENCE)
        return account.result.outcome

    def interrupt(self, job: SimulatedJob, leg: RunningLeg, epochs: int) -> None:
        """The same for a leg that was asked to leave, and does so after so many epochs.

        Raises:
            StorageTrouble: it cannot be written.
        """
        end = leg.begin + epochs * leg.epoch_s
        account = self._run(job, leg, _cut(leg, epochs), end)
        if account.result.outcome is Outcome.PAUSED:
            message = "its job was asked to leave"
            left = replace(account.result, outcome=Outcome.INTERRUPTED, message=message)
            account = account._replace(result=left)
        finish_leg(self._layout, account, NO_PATIENCE)

    def kill(self, job: SimulatedJob, leg: RunningLeg, epochs: int) -> None:
        """The leg dies after so many whole epochs: what it had saved stays, nothing is published.

        Raises:
            StorageTrouble: it cannot be written.
        """
        interval = self._settings.checkpoint_interval
        done = leg.offer.get("start", 0) + epochs
        saved = epochs - done % interval if interval else 0
        if saved > 0:
            self._run(job, leg, _cut(leg, saved), leg.begin + saved * leg.epoch_s)
            return
        files = files_of(self._layout, leg.claim)
        who = {"job_id": job.job_id, "host": job.status.node, "start_time": leg.claimed_at}
        with contextlib.suppress(OSError):  # then nobody knows what it had
            opening.make_folder(files.folder)
            publish_json(files.begun, who | job.had())

    def _run(
        self,
        job: SimulatedJob,
        leg: RunningLeg,
        offer: Mapping[str, Any],
        end: float,
        *,
        goes_on: GoesOn = lambda _outcome: False,
    ) -> Account:
        time = LegTime(leg.claimed_at, end, leg.epoch_s, leg.begin - leg.claimed_at)
        here = Surroundings(
            job.job_id,
            job.status.node,
            time,
            info=job.had(),
            patience=NO_PATIENCE,
            goes_on=goes_on,
        )
        account = run_leg(self._layout, leg.claim, offer, self._load, self._settings, here)
        # An objective that does not report each epoch has seen too few of them pass.
        result, info = account.result, account.info
        missing_s = max(0.0, end - info["end_time"])
        longer = {key: info[key] + missing_s for key in ("end_time", "training_time")}
        result = replace(result, elapsed=result.elapsed + missing_s)
        return account._replace(result=result, info={**info, **longer})


def _cut(leg: RunningLeg, epochs: int) -> dict[str, Any]:
    """The offer of a leg that ends early: trained to there, saved, and not the end of the trial."""
    return {**leg.offer, "target": leg.offer.get("start", 0) + epochs, "final": False}
