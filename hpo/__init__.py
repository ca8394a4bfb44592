"""Hyperparameter-optimisation campaigns on SLURM; see README.md.

The public names are loaded when they are first used, so that a job does not pay for what it does
not touch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from hpo.domains import (
        choice,
        constant,
        lograndint,
        loguniform,
        ordinal,
        quantized,
        randint,
        uniform,
    )
    from hpo.reporter import Reporter
    from hpo.results import load_campaign
    from hpo.scheduler import Scheduler
    from hpo.search.random_search import AsyncRandomSearch
    from hpo.space import Space
    from hpo.trial import Trial

_HOMES = {
    "AsyncRandomSearch": "hpo.search.random_search",
    "Reporter": "hpo.reporter",
    "Scheduler": "hpo.scheduler",
    "Space": "hpo.space",
    "Trial": "hpo.trial",
    "choice": "hpo.domains",
    "constant": "hpo.domains",
    "load_campaign": "hpo.results",
    "lograndint": "hpo.domains",
    "loguniform": "hpo.domains",
    "ordinal": "hpo.domains",
    "quantized": "hpo.domains",
    "randint": "hpo.domains",
    "uniform": "hpo.domains",
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
