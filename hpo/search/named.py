"""The searchers of this program by their names; each is made with (space, seed, points, …)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hpo.search.gp import GaussianProcess
from hpo.search.grid import GridSearch
from hpo.search.local import LocalSearch
from hpo.search.random import AsyncRandomSearch
from hpo.search.searcher import Searcher
from hpo.search.sobol import SobolSearch
from hpo.search.tpe import Tpe

SEARCHERS: Mapping[str, Callable[..., Searcher]] = {
    "random": AsyncRandomSearch,
    "sobol": SobolSearch,
    "grid": GridSearch,
    "local": LocalSearch,
    "tpe": Tpe,
    "gp": GaussianProcess,
}
"""What else they take, by keyword, are the settings of `hpo.settings.searchers`."""
