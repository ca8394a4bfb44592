"""A configuration file that trains given configurations again, over seeds.

It is a campaign like any other: its space holds these values and no others, and its
`points_to_evaluate` are all of its trials.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from hpo.record.goal import Goal
from hpo.settings.search import HpoSettings
from hpo.settings.slurm import SlurmSettings
from hpo.values import canonical

# What a search has, and a fixed list of trials has not; or what is written anew.
_OF_THE_SEARCH = frozenset(
    {"points_to_evaluate", "searcher", "scheduler", "output_dir", "n_trials", "seed", "objective"}
    | {"max_gpu_hours", "target_error", "max_wallclock_time", "pythonpath", "entry_point"}
)


def best_results(
    results: Mapping[int, Mapping[str, Any]], goal: Goal, count: int
) -> list[Mapping[str, Any]]:
    """The best results, no configuration twice, best first; as the campaign compares them."""
    there = [result for result in results.values() if is_good(result)]
    there.sort(key=lambda result: (goal.key(result["error"]), result["trial_id"]))
    by_config = {canonical(result.get("config") or {}): result for result in reversed(there)}
    kept = {result["trial_id"] for result in by_config.values()}
    return [result for result in there if result["trial_id"] in kept][:count]


def is_good(result: Mapping[str, Any]) -> bool:
    """Whether it can be compared."""
    error, status = result.get("error"), result.get("status")
    return error is not None and math.isfinite(error) and status not in ("failed", "running")


def points(
    configs: Sequence[Mapping[str, Any]], seeds: Sequence[int], seed_name: str
) -> list[dict[str, Any]]:
    """Each configuration with each seed: all with the first seed first."""
    return [{**config, seed_name: seed} for seed in seeds for config in configs]


def sections(
    settings: Mapping[str, Any], trials: Sequence[Mapping[str, Any]], output_dir: Path | str
) -> dict[str, Any]:
    """The sections of a configuration whose trials are these, in this order."""
    known = settings.get("hpo") or {}
    said = _said(HpoSettings, known)
    hpo = {name: value for name, value in said.items() if name not in _OF_THE_SEARCH}
    objective = str(settings["objective"])
    if known.get("command") is None and known.get("entry_point") is None:
        hpo["objective"] = objective
    elif known.get("command") is None:
        hpo["entry_point"] = objective.removeprefix("script:")
    scheduler = known.get("scheduler") or {}
    if "max_t" in scheduler:  # one rung, at the end: each trial is trained to it
        max_t = scheduler["max_t"]
        hpo["scheduler"] = {"type": "asha", "max_t": max_t, "grace_period": max_t}
    hpo |= {"n_trials": len(trials), "output_dir": str(output_dir)}
    hpo["points_to_evaluate"] = [dict(trial) for trial in trials]
    if settings.get("pythonpath"):
        hpo["pythonpath"] = list(settings["pythonpath"])
    slurm = _said(SlurmSettings, settings.get("slurm") or {})
    return {"space": _space(trials), "slurm": slurm, "hpo": hpo}


def _said(model: type[BaseModel], known: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from the defaults: some settings may not even be named where others are not."""
    usual = model.model_construct().model_dump(mode="json", warnings=False)
    return {name: value for name, value in known.items() if usual.get(name) != value}


def text(comment: str, content: Mapping[str, Any]) -> str:
    """The file, with a comment above it."""
    lines = "".join(f"# {line}\n" for line in comment.splitlines())
    return lines + str(
        yaml.dump(content, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
    )


class _Plain(yaml.SafeDumper):
    """Writes what occurs twice two times."""

    def ignore_aliases(self, data: Any) -> bool:
        """See yaml."""
        return True


def _space(trials: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """For each name the values that occur; written so that none is taken for a distribution."""
    space: dict[str, Any] = {}
    for name in dict.fromkeys(name for trial in trials for name in trial):
        values = {canonical(trial[name]): trial[name] for trial in trials if name in trial}
        listed = list(values.values())
        space[name] = (
            {"type": "constant", "value": listed[0]}
            if len(listed) == 1
            else {"type": "choice", "values": listed}
        )
    return space
