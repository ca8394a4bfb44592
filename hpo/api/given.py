"""What `hpo.Campaign` was given, as the sections of a configuration say it.

Objects of the search (`AsyncRandomSearch`, `Scheduler`, `ASHA`) are turned into the settings that
make them again. What is wrong is left as it is, for the check of all settings to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeAlias

from hpo.decisions.asha import Asha
from hpo.decisions.limits import Limits
from hpo.decisions.scheduler import Scheduler
from hpo.decisions.whole_trials import WholeTrials
from hpo.search.random import AsyncRandomSearch
from hpo.space.space import Space

Rungs: TypeAlias = "Asha | WholeTrials | Scheduler | str | Mapping[str, Any]"

OTHER_NAMES = {
    "n_workers": "max_concurrent_jobs",
    "num_workers": "max_concurrent_jobs",
    "n_jobs": "max_concurrent_jobs",
    "num_trials": "n_trials",
    "num_samples": "n_trials",
    "max_num_trials_started": "n_trials",
    "config_space": "space",
    "search_space": "space",
    "direction": "mode",
    "random_seed": "seed",
    "timeout": "max_wallclock_time",
}
"""What other programs call it."""
_IN_PYTHON = {
    "with --fresh": "with fresh=True",
    "use --fresh": "use fresh=True",
    "get_hpo_config()": "hpo.Campaign",
    "get_slurm_config()": "hpo.SLURM",
    "get_config_space()": "the space",
}
_LIMITS = {
    "max_wallclock_s": "max_wallclock_time",
    "max_lost_legs": "max_lost_legs",
    "max_initial_failures": "max_initial_failures",
    "target_metric": "target_error",
}


def sections(
    space: Mapping[str, Any] | Space | None,
    searcher: object,
    scheduler: Rungs | None,
    slurm: Mapping[str, Any] | None,
    settings: Mapping[str, Any],
) -> tuple[dict[str, dict[Any, Any]], object]:
    """The sections space, slurm and hpo; and the searcher, where it is one of the user's own."""
    search = {name: value for name, value in settings.items() if value is not None}
    if isinstance(scheduler, Scheduler):
        searcher = scheduler.searcher if searcher is None else searcher
        _take_limits(scheduler.limits, search)
        scheduler = scheduler.legs if isinstance(scheduler.legs, Asha) else None
    if scheduler is not None:
        search["scheduler"] = _rungs(scheduler)
    if isinstance(searcher, AsyncRandomSearch):
        space = searcher.space if space is None else space
        search.setdefault("seed", searcher.seed)
        if searcher.points_to_evaluate:
            search.setdefault("points_to_evaluate", searcher.points_to_evaluate)
    elif isinstance(searcher, (str, Mapping)):
        search["searcher"] = searcher
    is_told = isinstance(searcher, (AsyncRandomSearch, str, Mapping))
    own = None if is_told or searcher is AsyncRandomSearch else searcher
    domains = dict(space.domains if isinstance(space, Space) else space or {})
    return {"space": domains, "slurm": dict(slurm or {}), "hpo": search}, own


def with_other_names(problem: str) -> str:
    """A problem with the name that a key of another program has here."""
    for other, name in OTHER_NAMES.items():
        if problem.startswith(f"unknown key {other!r} in"):
            return f"{problem.partition(': ')[0]}: it is called {name!r} here"
    return problem


def in_words_of_python(problem: str) -> str:
    """A problem of the written file, as who writes Python mends it."""
    for written, meant in _IN_PYTHON.items():
        problem = problem.replace(written, meant)
    return problem


def _rungs(given: Asha | WholeTrials | str | Mapping[str, Any]) -> Any:
    if isinstance(given, WholeTrials):
        return "random"
    if not isinstance(given, Asha):
        return given
    return {
        "type": "stopping" if given.stopping else "promotion",
        "max_t": given.max_t,
        "grace_period": given.grace_period,
        "reduction_factor": given.reduction_factor,
        "brackets": given.brackets,
    }


def _take_limits(limits: Limits, search: dict[str, Any]) -> None:
    """Those that are not the usual ones."""
    search.setdefault("n_trials", limits.n_trials)
    for field in fields(limits):
        value = getattr(limits, field.name)
        if field.name in _LIMITS and value != field.default:
            search.setdefault(_LIMITS[field.name], value)
