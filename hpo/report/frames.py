"""A campaign's results as pandas frames, for analysis while it runs or after it.

The only module that needs pandas. Reads what a person would read; never the manager's journal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from hpo.errors import SettingsError
from hpo.folder.files import Layout, read_object

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_RESULT = re.compile(r"trial_(\d+)\.json")


@dataclass(frozen=True)
class CampaignResults:
    """What `load_campaign` gives.

    Attributes:
        trials: one row per trial that has a result: trial_id (the index), status, error, resource,
            training_time (s), job_id, cause, and one column per hyperparameter.
        reports: one row per report: trial_id, the reported numbers, time (s since 1970), elapsed
            (s in its attempt) and wallclock (s since the campaign's first trial started).
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
        SettingsError: there is no campaign in `folder`.
    """
    layout = Layout(Path(folder))
    campaign = read_object(layout.campaign)
    if not campaign:
        raise SettingsError([f"{layout.campaign} is missing or unreadable"], where=str(folder))
    results = _read_results(layout)
    reports = [
        {"trial_id": result["trial_id"]} | report
        for result in results
        for report in result.get("reports") or []
        if _is_report(report)
    ]
    return CampaignResults(
        trials=_trials_frame(results),
        reports=_reports_frame(reports, results),
        best_config=read_object(layout.best_config) or None,
        settings=campaign.get("settings", {}),
    )


def _read_results(layout: Layout) -> list[dict[str, Any]]:
    """All readable results, in the order of their trials; one being replaced now is left out."""
    numbered = sorted(
        (int(match[1]), path)
        for path in layout.results.glob("trial_*.json")
        if (match := _RESULT.fullmatch(path.name))
    )
    found = (read_object(path) for _, path in numbered)
    return [result for result in found if _is_result(result)]


def _is_result(found: Mapping[str, Any]) -> bool:
    """Whether it has the shape of what a job writes; people edit files, and disks damage them."""
    return (
        isinstance(found.get("trial_id"), int)
        and isinstance(found.get("error"), (int, float, type(None)))
        and all(isinstance(found.get(n) or {}, dict) for n in ("additional_info", "config"))
        and isinstance(found.get("reports") or [], list)
    )


def _is_report(found: object) -> bool:
    return isinstance(found, dict) and all(
        isinstance(found.get(name, 0.0), (int, float)) for name in ("time", "elapsed")
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _trials_frame(results: list[dict[str, Any]]) -> pd.DataFrame:
    columns = ["status", "error", "resource", "training_time", "job_id", "cause"]
    rows = []
    for result in results:
        info = result.get("additional_info") or {}
        row = {name: result.get(name) for name in ("trial_id", *columns)}
        row["training_time"] = _number(info.get("training_time"))
        rows.append(row | {k: v for k, v in (result.get("config") or {}).items() if k not in row})
    frame = pd.DataFrame(rows, columns=None if rows else ["trial_id", *columns])
    for name in ("error", "training_time"):
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
