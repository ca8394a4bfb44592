"""A campaign's results as pandas frames, for analysis while it runs or after it.

The only module that needs pandas. Reads what a person would read; never the manager's journal.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import pandas as pd

from hpo.errors import SettingsError
from hpo.folder import offers
from hpo.folder.attempts import read_begun
from hpo.folder.campaign import file_problem
from hpo.folder.files import MOST_CAMPAIGN_BYTES, Layout, read_object
from hpo.folder.opening import settled
from hpo.folder.reports import read_reports
from hpo.folder.safety import other_owner
from hpo.record.fields import LATEST_S
from hpo.report.shown_frames import ShownFrame
from hpo.values import canonical, flat

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RESULT = re.compile(r"trial_(\d{1,15})\.json")
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
    resource_attr = _resource_attr(settings)
    results = _read_results(layout)
    for leg in _running(layout):
        results[leg.trial_id] = _so_far(layout, leg, results.get(leg.trial_id), resource_attr)
    ordered = [results[trial_id] for trial_id in sorted(results)]
    reports = [
        {"trial_id": result["trial_id"], **_renamed(report, _REPORT_COLUMNS, "reported")}
        for result in ordered
        for report in _reports_of(layout, result, resource_attr)
        if _is_report(report)
    ]
    return CampaignResults(
        trials=ShownFrame(_trials_frame(ordered)),
        reports=ShownFrame(_reports_frame(reports, ordered)),
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


def _read_results(layout: Layout) -> dict[int, dict[str, Any]]:
    """All readable results, by trial; one being replaced now is left out."""
    numbered = sorted(
        (int(match[1]), path)
        for path in layout.results.glob("trial_*.json")
        if (match := _RESULT.fullmatch(path.name))
    )
    found = ((trial_id, read_object(path)) for trial_id, path in numbered)
    return {trial_id: result for trial_id, result in found if _is_result(result)}


def _running(layout: Layout) -> list[offers.Leg]:
    """The legs that jobs hold now, as far as their names tell."""
    try:
        return [leg for leg in offers.list_legs(layout.claims) if leg.job_id and not leg.done]
    except OSError:
        return []  # as of a campaign that was copied without its claims


def _so_far(
    layout: Layout, leg: offers.Leg, result: dict[str, Any] | None, resource_attr: str
) -> dict[str, Any]:
    """A trial that runs, in the form of a result: the one it has, brought up to date."""
    folder = layout.trial(leg.trial_id)
    reports = [
        report
        for report in read_reports(folder, resource_attr=resource_attr, up_to_attempt=leg.attempt)
        if _is_report(report)
    ]
    fresh = {
        "trial_id": leg.trial_id,
        "error": None,
        "config": read_object(folder / "config.json"),
        "additional_info": read_begun(layout, leg),
    }
    return (result or fresh) | {
        "status": "running",
        "job_id": leg.job_id,
        "resource": reports[-1][resource_attr] if reports else 0,
        "reports": reports,
    }


def _reports_of(layout: Layout, result: dict[str, Any], resource_attr: str) -> list[Any]:
    """What the trial reported, all of it: a long history is in the trial's own files only."""
    if not result.get("reports_left_out"):
        return result.get("reports") or []
    last = result.get("attempt")
    return read_reports(
        layout.trial(result["trial_id"]),
        resource_attr=resource_attr,
        up_to_attempt=last if isinstance(last, int) else None,
    )


def _is_result(found: Mapping[str, Any]) -> bool:
    """Whether it has the shape of what a job writes; people edit files, and disks damage them."""
    return (
        isinstance(found.get("trial_id"), int)
        and isinstance(found.get("error"), (int, float, type(None)))
        and all(isinstance(found.get(n) or {}, dict) for n in ("additional_info", "config"))
        and isinstance(found.get("reports") or [], list)
    )


def _is_report(found: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(found, dict) and all(
        _is_time(found.get(name, 0.0)) for name in ("time", "elapsed")
    )


def _is_time(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) < LATEST_S


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and _is_time(value) else None


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
        row["training_time"] = _number(info.get("training_time"))
        row["code"] = info.get("code")
        row |= {name: _number(info.get(name)) for name in ("gpu_use", "gpu_mem_mb")}
        rows.append(row | _renamed(_columns(result.get("config") or {}), tuple(columns), "config"))
    frame = pd.DataFrame(rows, columns=None if rows else columns)
    for name in ("error", "training_time", "gpu_use", "gpu_mem_mb"):
        frame[name] = frame[name].astype(float)  # None, for a failed trial, becomes NaN
    return frame.set_index("trial_id")


def _reports_frame(reports: list[dict[str, Any]], results: list[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(reports)
    if frame.empty:
        return pd.DataFrame(columns=["trial_id", "time", "elapsed", "wallclock"])
    starts = [
        _number((result.get("additional_info") or {}).get("start_time")) for result in results
    ]
    known = [start for start in starts if start is not None]
    # A result knows the start of its last attempt only; earlier ones follow from their reports.
    first = (frame["time"] - frame.get("elapsed", 0.0)).min()
    frame["wallclock"] = frame["time"] - min([*known, first])
    return frame
