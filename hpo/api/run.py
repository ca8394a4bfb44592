"""`hpo.Run`: a campaign that was started, as who started it sees it; from its files alone."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hpo.api.starting import Started, recorded
from hpo.cli.clusters import describe_manager, is_alive
from hpo.cli.status import lines_of
from hpo.errors import EXIT_BAD_SETTINGS, EXIT_LOCKED, CampaignLockedError, SettingsError
from hpo.folder.campaign import stored
from hpo.folder.files import Layout
from hpo.folder.opening import settled
from hpo.manager.lock import holder_of
from hpo.report.status_document import Status
from hpo.report.status_words import Look
from hpo.shown import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from hpo.report.frames import CampaignResults

COLUMNS = 100  # of a notebook's cell, or a terminal
LOOK_S = 0.5
ASK_S = 60.0  # between two questions to SLURM whether the manager's job is there
GONE_S = 5.0  # for which a manager that has ended may seem to be there


class Run:
    """A campaign that was started; `hpo.attach` comes back to one later.

    In a notebook it is shown as a small table with the incumbent's curve.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """The campaign's folder."""
        self._layout = Layout(folder)
        self._asked: tuple[float, bool | None] | None = None

    @property
    def status(self) -> Status | None:
        """How the campaign stood when its manager last wrote it down; None: it has not yet."""
        return Status.read(self._layout)

    @property
    def results(self) -> CampaignResults:
        """The trials and reports so far, as pandas frames; see `hpo.load_campaign`."""
        from hpo.report.frames import load_campaign

        return load_campaign(self.folder)

    @property
    def is_managed(self) -> bool:
        """Whether a manager is known to live, or to be starting; SLURM is not asked."""
        holder = holder_of(self._layout)
        if holder is not None and is_alive(holder, "local"):
            return True
        started = self._started
        return started is not None and started.process_lives is True

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the best metric so far over wall-clock time; needs the extra `report`."""
        return self.results.plot(ax)

    def plot_learning_curves(self, ax: Axes | None = None) -> Axes:
        """Draw the metric of every trial over wall-clock time; needs the extra `report`."""
        return self.results.plot_learning_curves(ax)

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until the campaign has ended, or nobody manages it any more; this very run.

        Args:
            timeout: how long at most (s); None: for ever.

        Raises:
            TimeoutError: it goes on still.
            SettingsError: its manager ended before it began; with what it said.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.goes_on():
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"after {timeout:g} s: {self!r}")
            time.sleep(LOOK_S)
        self._require_begun(None, None)
        return self

    def stop(self, how: Literal["drain", "now", "kill"] = "drain") -> None:
        """Stop the campaign; the next `run` or `submit` of it goes on.

        Args:
            how: `drain`: nothing new starts, what runs may finish. `now`: what runs saves and
                leaves at its next report. `kill`: what runs is cancelled.

        Raises:
            SettingsError: it cannot be stopped from here, or `how` is something else.
        """
        if how not in ("drain", "now", "kill"):
            problem = f"stop({how!r}): must be 'drain', 'now' or 'kill'"
            raise SettingsError([problem], where="the call")
        from hpo.cli.stop import stop

        if stored(self._layout) is None and (started := self._started) and started.job_id:
            from hpo.cluster.slurm.manager_job import cancel_manager

            cancel_manager(started.job_id)
            return
        asked = {"now": how == "now", "kill": how == "kill", "trials": [], "json": False}
        stop(Namespace(campaign=str(self.folder), **asked))

    def __repr__(self) -> str:
        """How it stands, as `hpo status` tells it."""
        standing = self.standing
        told = [] if stored(self._layout) is None else lines_of(self.folder, Look(COLUMNS))
        if self._is_to_come or not told:
            told.insert(0, f"{one_line(self.folder.name)}: {one_line(standing)}")
        return "\n".join(told)

    def _repr_html_(self) -> str:
        from hpo.api.shown_run import as_html

        return as_html(self.folder, self.standing, self.status)

    @property
    def _started(self) -> Started | None:
        return recorded(started_file(self.folder))

    @property
    def _is_to_come(self) -> bool:
        """Whether a manager was started that has written nothing yet."""
        started, status = self._started, self.status
        if holder_of(self._layout) is not None or started is None:
            return stored(self._layout) is None
        return bool(started.process_lives) or status is None or _is_older(status, started)

    @property
    def standing(self) -> str:
        """Who manages it, or how it ended, in a few words."""
        status, started = self.status, self._started
        holder = holder_of(self._layout)
        if holder is not None:
            return describe_manager(holder, "local")
        if started is not None and started.process_lives:
            return "its manager is starting"
        is_news = status is not None and not _is_older(status, started)
        if started is not None and started.job_id and not is_news:
            return f"its manager was submitted as job {started.job_id} and has not begun"
        if status is not None and status.ended is not None:
            return f"ended: {status.ended}"
        return "no manager runs; start it again to go on"

    def goes_on(self) -> bool:
        """Whether a manager lives, is starting, or waits as a job; SLURM may be asked for that."""
        status, started, holder = self.status, self._started, holder_of(self._layout)
        if holder is not None:
            alive = is_alive(holder, "local")
            # A job's manager that died comes back with its job; but not where the job is our own.
            if alive or holder.job_id in (None, os.environ.get("SLURM_JOB_ID")):
                return alive is not False
            return not self._is_job_gone(str(holder.job_id))
        if started is not None and started.process_lives:
            return True
        if status is not None and status.ended is not None and not _is_older(status, started):
            return False
        if started is not None and started.job_id:
            return not self._is_job_gone(started.job_id)
        return False

    def _is_job_gone(self, job_id: str) -> bool:
        """Whether SLURM says that the manager's job is over; asked once a minute."""
        from hpo.cluster.slurm.cluster import is_job_gone

        now = time.monotonic()
        if self._asked is None or now >= self._asked[0] + ASK_S:
            self._asked = (now, is_job_gone(job_id))
        return self._asked[1] is True

    def _require_begun(self, code: int | None, output: Path | None) -> None:
        """Say what the manager said, where it ended before the campaign had begun.

        Raises:
            SettingsError: it did not begin, or refused to go on.
            CampaignLockedError: another one was faster.
        """
        started, where = self._started, "what the manager said"
        if code is None and stored(self._layout) is None and started is not None:
            said = started.said().strip()
            raise SettingsError([said or "nothing: was its job cancelled?"], where=where)
        if code in (EXIT_BAD_SETTINGS, EXIT_LOCKED):
            said = "" if output is None else output.read_text(encoding="utf-8").strip()
            if code == EXIT_LOCKED:
                raise CampaignLockedError(said or f"{self.folder}: see above")
            raise SettingsError([said or "see above"], where=where)


def attach(folder: str | Path) -> Run:
    """Come back to a campaign that was started before, here or elsewhere.

    Example:
        >>> hpo.attach("hpo_results/mlp_example")  # doctest: +SKIP

    Raises:
        SettingsError: there is no campaign in the folder, and none was started for it.
    """
    root = settled(Path(folder))
    if stored(Layout(root)) is None and recorded(started_file(root)) is None:
        problem = f"{root} holds no campaign, and none was started for it"
        raise SettingsError([problem], where="hpo.attach")
    return Run(root)


def started_file(folder: Path) -> Path:
    """Where it is noted how the manager of the campaign in `folder` was started last."""
    return folder.with_name(f"{folder.name}_manager.json")


def _is_older(status: Status, started: Started | None) -> bool:
    """Whether it was written before the manager was started that is asked about."""
    return started is not None and (status.updated or 0.0) < started.time
