"""What retraining came to: one row for each configuration, over its seeds."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpo.exports.again import is_good
from hpo.record.goal import Goal
from hpo.values import canonical, flat


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration.

    Attributes:
        trial_id: of the trial it comes from.
        before: what that was worth.
        config: the configuration, without the seed.
        values: what each seed came to that ended well.
        failed: seeds that did not.
    """

    trial_id: int
    before: float
    config: Mapping[str, Any]
    values: tuple[float, ...]
    failed: int

    @property
    def mean(self) -> float | None:
        """Over the seeds; None: none ended well."""
        return statistics.fmean(self.values) if self.values else None

    @property
    def std(self) -> float | None:
        """Of the sample (n - 1); None with fewer than two."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None


def key(result: Mapping[str, Any], seed_name: str) -> str:
    """What the results of one configuration have in common: all but the seed."""
    config = result.get("config") or {}
    return canonical({name: value for name, value in config.items() if name != seed_name})


def rows(
    chosen: Sequence[Mapping[str, Any]],
    results: Mapping[int, Mapping[str, Any]],
    seed_name: str,
    goal: Goal,
) -> list[Row]:
    """The configurations of the results `chosen`, by the mean of `results`, best first."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for result in results.values():
        found.setdefault(key(result, seed_name), []).append(result)
    made = []
    for result in chosen:
        config = {n: v for n, v in (result.get("config") or {}).items() if n != seed_name}
        same = found.get(key(result, seed_name), [])
        mine = [r for r in same if r.get("status") != "running"]
        good = [r["error"] for r in mine if is_good(r)]
        row = Row(result["trial_id"], result["error"], config, tuple(good), len(mine) - len(good))
        made.append(row)
    return sorted(made, key=lambda row: (goal.key(row.mean), row.trial_id))


def to_csv(found: Sequence[Row]) -> str:
    """The rows as CSV, with a column for each hyperparameter."""
    names = list(dict.fromkeys(name for row in found for name in flat(row.config)))
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    head = ["trial_id", "before", "mean", "std", "least", "most", "seeds", "failed"]
    writer.writerow([*head, *names])
    for row in found:
        config = flat(row.config)
        ends = (min(row.values), max(row.values)) if row.values else (None, None)
        told = [row.trial_id, row.before, row.mean, row.std, *ends, len(row.values), row.failed]
        values = [config.get(name) for name in names]
        texts = [v if isinstance(v, (str, type(None))) else canonical(v) for v in values]
        writer.writerow([*told, *texts])
    return file.getvalue()


def to_lines(found: Sequence[Row], metric: str) -> list[str]:
    """The same as columns for a terminal."""
    width = max(len(metric) + 5, 12)
    lines = [f"{'trial':>5}  {'mean ' + metric:>{width}}  {'std':>9}  seeds  before"]
    for row in found:
        mean = "-" if row.mean is None else f"{row.mean:.6g}"
        std = "-" if row.std is None else f"{row.std:.2g}"
        seeds = f"{len(row.values)}" + (f", {row.failed} failed" if row.failed else "")
        lines.append(f"{row.trial_id:>5}  {mean:>{width}}  {std:>9}  {seeds:<5}  {row.before:.6g}")
    return lines
