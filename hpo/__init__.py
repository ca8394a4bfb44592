"""Hyperparameter-optimisation campaigns on SLURM; see README.md.

The public names are loaded when they are first used, so that a job does not pay for what it does
not touch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from hpo.decisions.scheduler import Scheduler
    from hpo.report.frames import load_campaign
    from hpo.search.random import AsyncRandomSearch
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
    from hpo.space.space import Space
    from hpo.trial.reporter import Reporter
    from hpo.trial.trial import Trial

_HOMES = {
    "AsyncRandomSearch": "hpo.search.random",
    "Reporter": "hpo.trial.reporter",
    "Scheduler": "hpo.decisions.scheduler",
    "Space": "hpo.space.space",
    "Trial": "hpo.trial.trial",
    "choice": "hpo.space.domains",
    "constant": "hpo.space.domains",
    "load_campaign": "hpo.report.frames",
    "lograndint": "hpo.space.domains",
    "loguniform": "hpo.space.domains",
    "ordinal": "hpo.space.domains",
    "quantized": "hpo.space.domains",
    "randint": "hpo.space.domains",
    "uniform": "hpo.space.domains",
}

__all__ = [
    "AsyncRandomSearch",
    "Reporter",
    "Scheduler",
    "Space",
    "Trial",
    "choice",
    "constant",
    "load_campaign",
    "lograndint",
    "loguniform",
    "ordinal",
    "quantized",
    "randint",
    "uniform",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'hpo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
