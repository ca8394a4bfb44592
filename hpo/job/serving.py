"""What a job does with one leg: look for it, run it, write down what it came to.

Owns the looks at the offers, and the line in the job's log in which a trial ends. How many legs a
job takes, and in which process, is its seat's business. Standard library only.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from hpo.folder import attempts, offers, remarks
from hpo.folder import stop as stop_request
from hpo.folder.attempts import Account
from hpo.folder.files import Layout
from hpo.folder.patience import Patience, StorageTrouble
from hpo.folder.quarantine import is_quarantined
from hpo.job.announcement import announce, devices, enter_own_folder
from hpo.job.leave_flag import LeaveFlag
from hpo.job.leg import finish_leg, run_leg
from hpo.job.log_limit import LimitedLog
from hpo.job.memory import oom_kills, used_mb
from hpo.job.orders import LegSettings, Surroundings
from hpo.job.steady_clock import steady_clock
from hpo.job.watch import Watch
from hpo.record.result import Outcome
from hpo.seats.job_identity import JobIdentity
from hpo.trial.code import code_of
from hpo.trial.objective import SCRIPT, bind, load_objective
from hpo.trial.references import arguments_of

if TYPE_CHECKING:
    from hpo.seats.stay import Stay

log = logging.getLogger(__name__)

FIRST_LOOK_S = 0.5  # between two looks for an offer, growing up to LAST_LOOK_S
LAST_LOOK_S = 5.0
Taken = tuple[offers.Leg, dict[str, Any]]


class Place(NamedTuple):
    """The job that legs run in, and its campaign."""

    layout: Layout
    settings: LegSettings
    job: JobIdentity
    flag: LeaveFlag
    patience: Patience

    def leaving(self) -> bool:
        """Whether the job was asked to leave."""
        return self.flag.is_set()

    def surroundings(
        self, goes_on: Callable[[Outcome], bool] = lambda _outcome: False
    ) -> Surroundings:
        """What a leg knows of its job."""
        return Surroundings(
            self.job.job_id,
            self.job.host,
            steady_clock(),
            self.leaving,
            devices() | self._had(),
            oom_kills,
            self.patience,
            goes_on,
            used_mb,
            self.flag,
        )

    def _had(self) -> dict[str, int]:
        """What the leg that begins now has of the job: memory (MB) and time (s), where known."""
        time_s = self.job.time.had_s(time.monotonic())
        had = {"mem_had_mb": self.job.mem_mb, "time_had_s": time_s}
        return {name: value for name, value in had.items() if value is not None}

    def is_over(self) -> bool:
        """Whether the campaign has ended, ends or was stopped."""
        # Not Path.exists, which raises when the file server is away.
        return os.path.exists(self.layout.leave) or stop_request.stands(self.layout)

    def as_of_job(self, claim: offers.Leg, outcome: Outcome) -> Outcome:
        """How a leg ended for its job: a trial that alone was asked to leave makes room for others.

        For the job it is as if it had come to its end.
        """
        alone = outcome is Outcome.INTERRUPTED and not (self.leaving() or self.is_over())
        asked = alone and os.path.exists(attempts.files_of(self.layout, claim).leave)
        return Outcome.COMPLETED if asked else outcome

    def why_unwanted(self) -> str | None:
        """Why no other leg is to be begun here; None: one may."""
        if self.leaving():
            return "it was asked to leave"
        if self.is_over():
            return "the campaign ends"
        if is_quarantined(self.layout, self.job.host):
            return f"no more trials go to {self.job.host} for now"
        return None

    def goes_on(self, stay: Stay, outcome: Outcome) -> bool:
        """Whether the job means to take another leg after the one that ends so now."""
        return not (stay.why_last(outcome, time.monotonic()) or self.why_unwanted())


class Objective:
    """The user's function: imported when it is first asked for."""

    def __init__(self, settings: LegSettings, names: list[str]) -> None:
        self.settings = settings
        self.names = names
        self._function: Callable[..., Any] | None = None
        self._code = ""

    def __call__(self) -> Callable[..., Any]:
        """Import it, where that has not been done.

        Raises:
            ObjectiveError: it cannot be found, imported or called.
        """
        if self._function is None:
            self._code = self._code_now()
            function = self.load()
            bind(function, self.names)
            self._function = function
        return self._function

    def load(self) -> Callable[..., Any]:
        """Import it, whatever its arguments are called.

        Raises:
            ObjectiveError: it cannot be found or imported.
        """
        for folder in reversed(self.settings.pythonpath):
            if folder not in sys.path:
                sys.path.insert(0, folder)
        asked = self.settings
        sys.argv = arguments_of(asked.objective)
        return load_objective(
            asked.objective,
            asked.metric_pattern,
            asked.command_line,
            asked.max_resource_attr,
        )

    def code(self) -> str:
        """The digest of the code that the next call runs; empty where nobody can say.

        A function's is that of the files as they were when it was imported.
        """
        if not self._code or self.settings.objective.startswith(SCRIPT):
            self._code = self._code_now()
        return self._code

    def _code_now(self) -> str:
        found = code_of(self.settings.objective, self.settings.pythonpath)
        return "" if found is None else found.digest


def begin(place: Place, taken: Taken, *, rename: bool = True) -> None:
    """Make the process that of the trial which was taken, and say so.

    Raises:
        StorageTrouble: the folder that it is to run in cannot be used.
    """
    claim, offer = taken
    names = (place.settings.campaign, place.job)
    announce(place.layout, claim, offer["config"], *names, rename=rename)
    if place.settings.cwd == "trial":
        what = f"trial {claim.trial_id}: its folder"
        place.patience.insist(what, lambda: enter_own_folder(place.layout, claim))


def wait_for_claim(
    place: Place,
    *,
    time_s: Callable[[], int | None] = lambda: None,
    wanted: Callable[[], bool] = lambda: True,
) -> Taken | None:
    """The leg that this job took, or None where there was none within `claim_timeout`.

    Args:
        place: the job.
        time_s: tells how long a leg may take now (s); None: as long as it likes.
        wanted: looks whether to go on looking.

    Raises:
        StorageTrouble: to the end nobody could tell.
    """
    layout, job = place.layout, place.job
    deadline = time.monotonic() + place.settings.claim_timeout
    pause = FIRST_LOOK_S
    trouble: OSError | None = None
    while not place.leaving() and not place.is_over() and wanted():
        try:
            taken = offers.claim_best(
                layout,
                job.job_id,
                mem_mb=job.mem_mb,
                time_s=time_s(),
                # One that hung on this node goes to another, unless this seat would find nothing.
                node=job.host if job.on_slurm and time.monotonic() < deadline else "",
                again=trouble is not None,
            )
        except OSError as err:
            taken, trouble = None, err
        else:
            trouble = None
        if taken is not None:
            return taken
        if time.monotonic() >= deadline:
            break
        time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
        pause = min(pause * 1.5, LAST_LOOK_S)
    if trouble is not None:
        raise StorageTrouble(f"no trial could be taken: {trouble}") from trouble
    return None


class Served(NamedTuple):
    """A leg that was run: how it ended for its job, after how many seconds, whether that counts."""

    outcome: Outcome
    seconds: float
    counts: bool


def serve_leg(
    place: Place,
    taken: Taken,
    load: Objective,
    stay: Stay | None = None,
    trained: Callable[[], None] = lambda: None,
) -> Served:
    """Run the leg, write what it came to, and say so; `stay` is that of a job that takes several.

    `trained` is called when users' code has come to its end.

    Raises:
        StorageTrouble: what had to be written could not be; the leg has to be run again.
    """
    claim = taken[0]
    here = place.surroundings(
        lambda outcome: stay is not None and place.goes_on(stay, place.as_of_job(claim, outcome))
    )
    code = load.code()
    with _watch(place, taken[0].trial_id) as watch:
        account = run_leg(place.layout, *taken, load, place.settings, here)
    trained()
    use, mem_mb, had_mb = watch.gpu
    result = replace(
        account.result, code=code, gpu_use=use, gpu_mem_mb=mem_mb, gpu_mem_had_mb=had_mb
    )
    account = account._replace(result=result)
    counts = finish_leg(place.layout, account, place.patience)
    if counts:
        attempts.forget_begun(place.layout, taken[0])
    tell_end(account, counts)
    outcome = place.as_of_job(claim, account.result.outcome)
    return Served(outcome, account.result.elapsed, counts)


def _watch(place: Place, trial_id: int) -> Watch:
    """What looks at the job's log and GPUs while the leg runs."""
    settings, layout, job = place.settings, place.layout, place.job
    limited = None
    if settings.log_limit_mb is not None:
        path = layout.job_log(job.job_id, on_slurm=job.on_slurm)
        limited = LimitedLog(path, settings.log_limit_mb * 10**6)

    def tell(unused_s: float) -> None:
        text = (
            f"trial {trial_id} trained on the CPU of a GPU job: in {unused_s / 60:.0f} min on"
            f" {job.host} it has used no GPU. Move model and data there (.to('cuda')), look whether"
            " torch.cuda.is_available(), or ask for none (`gpus: 0`)"
        )
        log.warning("%s", text)
        remarks.leave(layout, remarks.GPU_UNUSED, text)

    return Watch(limited, gpus=settings.gpus, tell=tell)


def tell_end(account: Account, counts: bool) -> None:
    """One line in the job's log."""
    result = account.result
    log.info(
        "trial %d %s: %s=%s after %.1f s%s",
        account.leg.trial_id,
        result.outcome,
        account.goal.metric,
        result.metric,
        result.elapsed,
        "" if counts else " (void: this attempt was given up meanwhile)",
    )
