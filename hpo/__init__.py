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
    from hpo.api.ask_tell import Study, ask_tell
    from hpo.api.campaign import Campaign
    from hpo.api.run import Run, attach
    from hpo.api.slurm import SLURM
    from hpo.decisions.asha import Asha
    from hpo.decisions.asha import Asha as ASHA  # noqa: N814 - the method is called so
    from hpo.decisions.limits import Limits
    from hpo.decisions.scheduler import Scheduler
    from hpo.decisions.whole_trials import WholeTrials
    from hpo.report.comparison import compare
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
    "ASHA",
    "SLURM",
    "Asha",
    "AsyncRandomSearch",
    "Campaign",
    "CampaignResults",
    "Limits",
    "Reporter",
    "Run",
    "Scheduler",
    "Searcher",
    "Space",
    "Study",
    "Trial",
    "TrialInterrupted",
    "Tried",
    "WholeTrials",
    "ask_tell",
    "attach",
    "canonical",
    "choice",
    "compare",
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
    "hpo.api.ask_tell": ("Study", "ask_tell"),
    "hpo.api.campaign": ("Campaign",),
    "hpo.api.run": ("Run", "attach"),
    "hpo.api.slurm": ("SLURM",),
    "hpo.decisions.asha": ("Asha",),
    "hpo.decisions.limits": ("Limits",),
    "hpo.decisions.scheduler": ("Scheduler",),
    "hpo.decisions.whole_trials": ("WholeTrials",),
    "hpo.report.comparison": ("compare",),
    "hpo.report.frames": ("CampaignResults", "load_campaign"),
    "hpo.search.random": ("AsyncRandomSearch",),
    "hpo.search.searcher": ("Searcher", "Tried"),
    "hpo.space.space": ("Space", "read_space"),
    "hpo.trial.reporter": ("Reporter",),
    "hpo.trial.trial": ("Trial", "TrialInterrupted"),
    "hpo.values": ("canonical",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "errors":
        return importlib.import_module("hpo.errors")
    if name == "ASHA":  # as the method is written
        name = "Asha"
    if name in __all__:
        home = _HOME.get(name, "hpo.space.domains")
        return getattr(importlib.import_module(home), name)
    raise AttributeError(f"module 'hpo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
