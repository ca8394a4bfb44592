"""Hyperparameter-optimisation campaigns on SLURM; see README.md.

What `__all__` lists is public; all else may change from one release to the next. The names are
loaded when they are first used, so that a job does not pay for what it does not touch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from hpo import errors
    from hpo.decisions.asha import Asha
    from hpo.decisions.limits import Limits
    from hpo.decisions.scheduler import Scheduler
    from hpo.decisions.whole_trials import WholeTrials
    from hpo.report.frames import CampaignResults, load_campaign
    from hpo.search.random import AsyncRandomSearch
    from hpo.search.searcher import Searcher, Tried
    from hpo.space.domains import (
        choice,
        constant,
        lograndint,
        loguniform,
        ordinal,
        quantized,
        randint,
        uniform,
    )
    from hpo.space.space import Space, read_space
    from hpo.trial.reporter import Reporter
    from hpo.trial.trial import Trial, TrialInterrupted
    from hpo.values import canonical

__all__ = [
    "Asha",
    "AsyncRandomSearch",
    "CampaignResults",
    "Limits",
    "Reporter",
    "Scheduler",
    "Searcher",
    "Space",
    "Trial",
    "TrialInterrupted",
    "Tried",
    "WholeTrials",
    "canonical",
    "choice",
    "constant",
    "errors",
    "load_campaign",
    "lograndint",
    "loguniform",
    "ordinal",
    "quantized",
    "randint",
    "read_space",
    "uniform",
]

_HOMES = {
    "Asha": "hpo.decisions.asha",
    "AsyncRandomSearch": "hpo.search.random",
    "CampaignResults": "hpo.report.frames",
    "Limits": "hpo.decisions.limits",
    "Reporter": "hpo.trial.reporter",
    "Scheduler": "hpo.decisions.scheduler",
    "Searcher": "hpo.search.searcher",
    "Space": "hpo.space.space",
    "Trial": "hpo.trial.trial",
    "TrialInterrupted": "hpo.trial.trial",
    "Tried": "hpo.search.searcher",
    "WholeTrials": "hpo.decisions.whole_trials",
    "canonical": "hpo.values",
    "choice": "hpo.space.domains",
    "constant": "hpo.space.domains",
    "load_campaign": "hpo.report.frames",
    "lograndint": "hpo.space.domains",
    "loguniform": "hpo.space.domains",
    "ordinal": "hpo.space.domains",
    "quantized": "hpo.space.domains",
    "randint": "hpo.space.domains",
    "read_space": "hpo.space.space",
    "uniform": "hpo.space.domains",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name == "errors":
        return importlib.import_module("hpo.errors")
    raise AttributeError(f"module 'hpo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
