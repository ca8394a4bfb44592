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
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from hpo.errors import SettingsError
from hpo.folder import attempts, offers
from hpo.folder.attempts import Account
from hpo.folder.files import Layout, make_again, publish_json, read_json, read_plain
from hpo.folder.full_disk_output import log_again
from hpo.folder.patience import Patience
from hpo.job.ending import account_of, earlier_time, out_of_memory, train, with_folder_told
from hpo.job.leave_flag import LeaveFlag
from hpo.record.goal import Goal
from hpo.record.result import Outcome, Result
from hpo.trial.trial import Trial

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LegSettings:
    """What a job needs to know of the campaign; read from campaign.json."""

    campaign: str
    objective: str
    pythonpath: list[str]
    goal: Goal
    checkpoint_interval: int
    claim_timeout: float
    metric_pattern: str | None = None
    command_line: dict[str, Any] | None = None  # of a script; see `CommandLine.to_json`
    max_resource_attr: str = "max_epochs"
    sharing: str = "private"
    timed: bool = False  # whether seats differ in their time, so that also a first leg must fit
    trials_per_job: int | str = 1
    trial_process: str = "fork"
    rung_attr: str | None = None
    """The hyperparameter that the objective reads the end of its leg from; None: there is none."""
    cwd: str = "start"

    def __post_init__(self) -> None:
        """Refuse what a manager would not have written, e.g. after an edit by hand."""
        texts = [self.campaign, self.objective, self.sharing, *asdict(self.goal).values()]
        texts.append(self.max_resource_attr)
        sound = (
            all(isinstance(text, str) for text in texts)
            and isinstance(self.pythonpath, list)
            and all(isinstance(folder, str) for folder in self.pythonpath)
            and isinstance(self.checkpoint_interval, int)
            and isinstance(self.claim_timeout, (int, float))
            and isinstance(self.metric_pattern, (str, type(None)))
            and isinstance(self.command_line, (dict, type(None)))
            and isinstance(self.timed, bool)
            and (isinstance(self.trials_per_job, int) or self.trials_per_job == "auto")
            and self.trial_process in ("fork", "same")
            and isinstance(self.rung_attr, (str, type(None)))
            and self.cwd in ("start", "trial")
        )
        if not sound:
            raise TypeError(f"these are no settings of jobs: {asdict(self)}")

    def config_of(self, offer: Mapping[str, Any]) -> dict[str, Any]:
        """What the objective is given: the configuration, and how far this leg goes."""
        config, target = dict(offer["config"]), offer.get("target")
        if self.rung_attr in config and target is not None:
            config[self.rung_attr] = target
        return config


def read_settings(layout: Layout) -> LegSettings:
    """The part of campaign.json that a job needs.

    Raises:
        SettingsError: there is no campaign, or its file cannot be read.
    """
    campaign = read_json(layout.campaign)
    try:
        told = dict(campaign["seat"])  # type: ignore[index]  # because errors are caught
        goal = Goal.from_json(told)
        return LegSettings(goal=goal, **{k: v for k, v in told.items() if k not in goal.to_json()})
    except (TypeError, KeyError, ValueError) as err:
        raise SettingsError(
            [f"{layout.campaign} cannot be read as a campaign ({err})"], where=str(layout.root)
        ) from err


def await_settings(layout: Layout, patience: Patience) -> LegSettings:
    """The same, once a file server that is away is back.

    Raises:
        SettingsError: there is no campaign, or its file cannot be read.
        StorageTrouble: the file server stayed away.
    """

    def answer() -> None:
        with contextlib.suppress(FileNotFoundError):
            read_plain(layout.campaign)

    patience.insist("campaign.json", answer)
    return read_settings(layout)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where and how a leg runs: its job, its host, its clock and the request to leave.

    `oom_kills` counts the processes of the job that the kernel has killed for their memory,
    `used_mb` is the most that the job has used so far (MB; 0: unknown).
    `goes_on` says whether the job takes another leg after one that ended so.
    `flag` is that of the job's signals, where it has some.
    """

    job_id: str
    host: str
    clock: Callable[[], float]
    asked_to_leave: Callable[[], bool] = lambda: False
    info: dict[str, Any] = field(default_factory=dict)
    oom_kills: Callable[[], int] = lambda: 0
    patience: Patience = field(default_factory=Patience)
    goes_on: Callable[[Outcome], bool] = lambda _outcome: False
    used_mb: Callable[[], int] = lambda: 0
    flag: LeaveFlag | None = None


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
    return _Run(layout, claim, offer, settings, here).to_its_end(load)


class _Run:
    """One claimed leg."""

    def __init__(
        self,
        layout: Layout,
        claim: offers.Leg,
        offer: Mapping[str, Any],
        settings: LegSettings,
        here: Surroundings,
    ) -> None:
        self._layout = layout
        self._claim = claim
        self._offer = offer
        self._settings = settings
        self._here = here
        self._patience = replace(here.patience, leaving=self._asked_to_leave)
        self._begin()

    def to_its_end(self, load: Callable[[], Callable[..., Any]]) -> Account:
        """Call the objective; what is to be told of the leg."""
        trial, result = self._train(load)
        if result.outcome is Outcome.FAILED and self._here.oom_kills() > self._killed_before:
            result = out_of_memory(result)
        if result.outcome is Outcome.FAILED and self._settings.cwd == "trial":
            result = with_folder_told(result)
        final = self._offer.get("final", True) or result.early
        if result.outcome is Outcome.COMPLETED and not final:
            result = replace(result, outcome=Outcome.PAUSED)
        return self._account(trial, result)

    def _begin(self) -> None:
        """Note who begins the leg, and when."""
        claim, here = self._claim, self._here
        layout, files = self._layout, attempts.files_of(self._layout, claim)
        self._start = here.clock()

        def write_start() -> None:
            files.folder.mkdir(parents=True, exist_ok=True)
            # For people, and to count what was lost: not worth a sync of the disk for each trial.
            publish_json(layout.config(claim.trial_id), self._offer["config"], durable=False)
            who = {"job_id": here.job_id, "host": here.host, "start_time": self._start}
            publish_json(files.begun, who | here.info, durable=False)

        self._patience.insist(f"trial {claim.trial_id}: its configuration", write_start)
        self._earlier = earlier_time(self._layout, claim)

    def _train(self, load: Callable[[], Callable[..., Any]]) -> tuple[Trial, Result]:
        settings, claim, offer = self._settings, self._claim, self._offer
        trial = Trial(
            trial_id=claim.trial_id,
            config=settings.config_of(offer),
            folder=self._layout.trial(claim.trial_id),
            attempt=claim.attempt,
            target=offer.get("target"),
            final=offer.get("final", True),
            resource_attr=settings.goal.resource,
            metric=settings.goal.metric,
            checkpoint_interval=settings.checkpoint_interval,
            asked_to_leave=self._asked_to_leave,
            clock=self._here.clock,
            patience=self._patience,
        )
        self._killed_before = self._here.oom_kills()
        try:
            result = train(trial, load, settings.goal, self._is_asked)
        finally:
            self._take_back()
        return trial, result

    def _take_back(self) -> None:
        """What users' code may have taken, and what we write must not be stopped by."""
        if self._here.flag is not None:  # not in a simulation
            log_again()
            self._here.flag.listen()

    def _asked_to_leave(self) -> bool:
        # Not Path.exists, which raises when the file server is away.
        return (
            self._here.asked_to_leave()
            or os.path.exists(self._layout.leave)
            or not offers.is_held(self._layout, self._claim)
        )

    def _is_asked(self, within_s: float) -> bool:
        """The same for an end that has come: a request may have been on its way."""
        self._take_back()  # at once: the same signal may come twice
        flag = self._here.flag
        return self._asked_to_leave() or (flag is not None and flag.comes(within_s))

    def _account(self, trial: Trial, result: Result) -> Account:
        return account_of(
            (self._claim, self._offer),
            self._settings.goal,
            self._here,
            result,
            trial.history,
            start=self._start,
            end=max(self._start, self._here.clock()),  # because clocks are set back at times
            earlier=self._earlier,
        )


def finish_leg(layout: Layout, account: Account, patience: Patience = Patience()) -> bool:
    """Publish what the leg came to; False: the claim was fenced off meanwhile, nothing counts.

    Raises:
        StorageTrouble: it could not be written; the leg has to be run again.
    """
    claim, found = account.leg, account.to_json()
    files = attempts.files_of(layout, claim)

    def publish() -> None:
        make_again(files.folder, above=1)
        # Not synced, because the copy's sync is that of both names.
        publish_json(files.result, found, folder=False)
        publish_json(files.ready, found)

    what = f"trial {claim.trial_id}: its result"
    asked_to_leave = patience.leaving
    patience = replace(
        patience, leaving=lambda: asked_to_leave() or not offers.is_held(layout, claim)
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
