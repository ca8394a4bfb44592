"""A campaign's results as pandas frames, for analysis while it runs or after it.

The only module that needs pandas. Reads what a person would read; never the manager's journal.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hpo.errors import SettingsError
from hpo.folder.campaign import file_problem
from hpo.folder.files import MOST_CAMPAIGN_BYTES, Layout, read_object
from hpo.folder.opening import settled
from hpo.folder.safety import other_owner
from hpo.report.results import number, read_results
from hpo.report.shown_frames import ShownFrame
from hpo.values import canonical, flat

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TRIAL_COLUMNS = (
    "status",
    "error",
    "resource",
    "early",
    "training_time",
    "job_id",
    "cause",
    "code",
    "gpu_use",
    "gpu_mem_mb",
)
_REPORT_COLUMNS = ("trial_id", "wallclock")  # a report's own line cannot have `time` or `elapsed`


@dataclass(frozen=True)
class CampaignResults:
    """What `load_campaign` gives.

    Attributes:
        trials: one row per trial that has a result or runs: trial_id (the index), status, error,
            resource, early (whether it returned before its end), training_time (s), job_id, cause,
            code (a digest of the code that ran last), gpu_use (mean, %) and gpu_mem_mb of the last
            leg (NaN where nobody could say), and one column per hyperparameter; below a mapping
            `optimizer.lr`, and `config.error` where it is called as one of the former.
            Lists are tuples, so that they can be grouped by. Of a trial that runs the status is
            `running` and the error, until it has a result, NaN.
        reports: one row per report: trial_id, the reported numbers, time (s since 1970), elapsed
            (s in its attempt) and wallclock (s since the campaign's first trial started); a
            reported `trial_id` or `wallclock` is `reported.trial_id`.
        best_config: the incumbent's configuration, or None.
        settings: the resolved settings of campaign.json.
    """

    trials: pd.DataFrame
    reports: pd.DataFrame
    best_config: dict[str, Any] | None
    settings: dict[str, Any]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the best metric so far over wall-clock time; needs the extra `report`.

        Example:
            >>> ax = load_campaign("hpo_results/digits_example").plot()  # doctest: +SKIP
            >>> ax.figure.savefig("incumbent.pdf")  # doctest: +SKIP
        """
        from hpo.report.plots import plot_incumbent

        return plot_incumbent(self, ax)

    def plot_learning_curves(self, ax: Axes | None = None) -> Axes:
        """Draw the metric of every trial over wall-clock time; needs the extra `report`."""
        from hpo.report.plots import plot_learning_curves

        return plot_learning_curves(self, ax)


def load_campaign(folder: str | Path) -> CampaignResults:
    """Read a campaign's output directory.

    Example:
        >>> frames = load_campaign("hpo_results/digits_example")  # doctest: +SKIP
        >>> frames.trials.sort_values("error").head()  # doctest: +SKIP

    Raises:
        SettingsError: there is no campaign in `folder`, or its campaign.json is damaged.
    """
    layout = Layout(settled(Path(folder)))
    if (owner := other_owner(layout.root)) is not None:
        warnings.warn(f"the campaign in {folder} belongs to {owner}", stacklevel=2)
    campaign = read_object(layout.campaign, MOST_CAMPAIGN_BYTES)
    settings = campaign.get("settings", {})
    if not campaign or not isinstance(settings, dict):
        missing = f"{layout.campaign} is missing or unreadable"
        raise SettingsError([file_problem(layout) or missing], where=str(folder))
    results = list(read_results(layout, _resource_attr(settings)).values())
    return CampaignResults(
        trials=ShownFrame(_trials_frame(results)),
        reports=ShownFrame(_reports_frame(results)),
        best_config=read_object(layout.best_config) or None,
        settings=settings,
    )


def _resource_attr(settings: Mapping[str, Any]) -> str:
    hpo = settings.get("hpo")
    found = hpo.get("resource_attr") if isinstance(hpo, dict) else None
    return found if isinstance(found, str) else "epoch"


def report_column(name: str) -> str:
    """The column of the frame of reports that holds what was reported as `name`."""
    return next(iter(_renamed({name: None}, _REPORT_COLUMNS, "reported")))


def _renamed(values: Mapping[str, Any], taken: tuple[str, ...], where: str) -> dict[str, Any]:
    """The values with names that are no column's of ours."""
    return {f"{where}.{name}" if name in taken else name: values[name] for name in values}


def _columns(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _hashable(value) for name, value in flat(config).items()}


def _hashable(value: Any) -> Any:
    """A value that can be grouped by: lists as tuples, mappings in them as text."""
    if isinstance(value, list):
        return tuple(_hashable(item) for item in value)
    return canonical(value) if isinstance(value, dict) else value


def _trials_frame(results: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["trial_id", *_TRIAL_COLUMNS]
    rows = []
    for result in results:
        info = result.get("additional_info") or {}
        row = {name: result.get(name) for name in columns}
        row["early"] = result.get("early") is True
        row["training_time"] = number(info.get("training_time"))
        row["code"] = info.get("code")
        row |= {name: number(info.get(name)) for name in ("gpu_use", "gpu_mem_mb")}
        rows.append(row | _renamed(_columns(result.get("config") or {}), tuple(columns), "config"))
    frame = pd.DataFrame(rows, columns=None if rows else columns)
    for name in ("error", "training_time", "gpu_use", "gpu_mem_mb"):
        frame[name] = frame[name].astype(float)  # None, for a failed trial, becomes NaN
    return frame.set_index("trial_id")


def _reports_frame(results: list[dict[str, Any]]) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {"trial_id": []}
    for result in results:
        reports = _renamed(result["reports"], _REPORT_COLUMNS, "reported")
        before = len(columns["trial_id"])
        columns["trial_id"] += [result["trial_id"]] * max(map(len, reports.values()), default=0)
        for name, values in reports.items():
            column = columns.setdefault(name, [])
            column += [math.nan] * (before - len(column))  # of trials that do not report it
            column += values
    length = len(columns["trial_id"])
    if not length:
        return pd.DataFrame(columns=["trial_id", "time", "elapsed", "wallclock"])
    for column in columns.values():
        column += [math.nan] * (length - len(column))
    frame = pd.DataFrame(columns)
    starts = [number((result.get("additional_info") or {}).get("start_time")) for result in results]
    known = [start for start in starts if start is not None]
    # A result knows the start of its last attempt only; earlier ones follow from their reports.
    first = (frame["time"] - frame.get("elapsed", 0.0)).min()
    frame["wallclock"] = frame["time"] - min([*known, first])
    return frame
