"""A campaign's two frames as files: CSV for everything, parquet where pyarrow is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpo.report import MissingExtraError
from hpo.report.frames import CampaignResults
from hpo.values import canonical


def write_csv(results: CampaignResults, folder: Path) -> list[Path]:
    """Write `trials.csv` and `reports.csv`; where.

    Raises:
        OSError: one of them cannot be written.
    """
    paths = [folder / "trials.csv", folder / "reports.csv"]
    results.trials.to_csv(paths[0])
    results.reports.to_csv(paths[1], index=False)
    return paths


def write_parquet(results: CampaignResults, folder: Path) -> list[Path]:
    """Write `trials.parquet` and `reports.parquet`; where.

    A column of several types, or of lists, is text there.

    Raises:
        MissingExtraError: pyarrow is not installed.
        OSError: one of them cannot be written.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError as err:
        raise MissingExtraError("parquet needs pyarrow: pip install pyarrow") from err
    paths = [folder / "trials.parquet", folder / "reports.parquet"]
    for frame, path in zip((results.trials, results.reports), paths, strict=True):
        _of_one_type(frame).to_parquet(path)
    return paths


def _of_one_type(frame: Any) -> Any:
    import pandas as pd

    changed = {
        name: column.map(_text)
        for name, column in frame.items()
        if column.dtype == object and {type(v) for v in column.dropna()} not in ({str}, {bool})
    }
    return pd.DataFrame(frame).assign(**changed)


def _text(value: Any) -> Any:
    missing = value is None or (isinstance(value, float) and value != value)
    if missing or isinstance(value, str):
        return None if missing else value
    return canonical(list(value) if isinstance(value, tuple) else value)
