"""What a job is told before its first leg: the campaign's settings for it, and where it runs.

Owns the reading of the part of campaign.json that jobs need. Decides nothing, and runs nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from hpo.errors import SettingsError
from hpo.folder.files import MOST_CAMPAIGN_BYTES, Layout, read_plain
from hpo.folder.patience import Patience
from hpo.folder.safety import exposure_problems, is_same_folder, read_own_campaign
from hpo.job.leave_flag import LeaveFlag
from hpo.record.goal import Goal
from hpo.record.result import Outcome

NO_INFO: Mapping[str, Any] = {}


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
    hang_after: float | str = "auto"
    gpus: int = 0  # that a job was given
    log_limit_mb: int | None = None  # beyond which a job's log is cut in its middle

    def __post_init__(self) -> None:
        """Refuse what a manager would not have written, e.g. after an edit by hand."""
        texts = [self.campaign, self.objective, self.sharing, *self.goal]
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
            and (self.hang_after in ("auto", "never") or isinstance(self.hang_after, (int, float)))
            and isinstance(self.gpus, int)
            and isinstance(self.log_limit_mb, (int, type(None)))
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
    try:
        campaign = read_own_campaign(layout)
        _require_place(layout, campaign["path"] if "path" in campaign else str(layout.root))
        told = dict(campaign["seat"])
        goal = Goal.from_json(told)
        return LegSettings(goal=goal, **{k: v for k, v in told.items() if k not in goal.to_json()})
    except (OSError, TypeError, KeyError, ValueError) as err:
        raise SettingsError(
            [f"{layout.campaign} cannot be read as a campaign ({err})"], where=str(layout.root)
        ) from err


def _require_place(layout: Layout, path: object) -> None:
    """The folder is the one that the manager started, not a copy that no manager has seen.

    Raises:
        SettingsError: it is not.
    """
    if not isinstance(path, str) or not is_same_folder(path, layout.root):
        problem = f"{layout.root} was copied or moved from {path}: start it there with `hpo run`"
        raise SettingsError([problem], where=str(layout.root))


def require_safe(layout: Layout, settings: LegSettings, given: str) -> None:
    """Refuse to run what others could have put there.

    Args:
        layout: the campaign.
        settings: what its file says.
        given: the path that the job was started for, with the links that were on it.

    Raises:
        SettingsError: with all that lets them.
    """
    root = layout.root
    problems = exposure_problems(root, settings.sharing)
    # Up to 0.1.0 links were kept, and the file tells of them.
    if given != str(root) and given != read_own_campaign(layout).get("path"):
        problems.append(f"{given} is a link that leads to {root} now: start it anew")
    if problems:
        raise SettingsError(problems, where=str(root))


def await_settings(layout: Layout, patience: Patience) -> LegSettings:
    """The same, once a file server that is away is back.

    Raises:
        SettingsError: there is no campaign, or its file cannot be read.
        StorageTrouble: the file server stayed away.
    """

    def answer() -> None:
        with contextlib.suppress(FileNotFoundError):
            read_plain(layout.campaign, MOST_CAMPAIGN_BYTES)

    patience.insist("campaign.json", answer)
    return read_settings(layout)


class Surroundings(NamedTuple):
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
    info: Mapping[str, Any] = NO_INFO
    oom_kills: Callable[[], int] = lambda: 0
    patience: Patience = Patience()
    goes_on: Callable[[Outcome], bool] = lambda _outcome: False
    used_mb: Callable[[], int] = lambda: 0
    flag: LeaveFlag | None = None
