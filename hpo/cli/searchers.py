"""Which searcher a campaign draws from: random search, or one of the user's own.

The user's module is imported in this process, and what the reference names is called with the space
and the seed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from hpo.errors import ObjectiveError, SearcherError
from hpo.search.own import OwnSearcher
from hpo.search.random import AsyncRandomSearch
from hpo.search.searcher import Searcher
from hpo.settings.spec import CampaignSpec
from hpo.space.space import Space
from hpo.trial.references import load_callable


def make_searcher(spec: CampaignSpec) -> Searcher:
    """The searcher of the campaign.

    Raises:
        ObjectiveError: the reference to the user's own leads nowhere.
        SearcherError: it cannot be made.
    """
    hpo = spec.hpo
    if spec.searcher is None:
        return AsyncRandomSearch(spec.space, hpo.seed, hpo.points_to_evaluate)
    return _own(spec.searcher, spec.space, hpo.seed, hpo.points_to_evaluate, spec.pythonpath)


def searcher_problems(
    reference: str, space: Space, seed: int, pythonpath: Sequence[str]
) -> list[str]:
    """What is wrong with a searcher of the user's own: it is made, and asked for one trial."""
    try:
        searcher = _own(reference, space, seed, (), pythonpath)
        if searcher.suggest(0, frozenset()) is None:
            return [f"the searcher {reference} suggests nothing for the first trial"]
    except (ObjectiveError, SearcherError) as err:
        return [str(err)]
    return []


def _own(
    reference: str,
    space: Space,
    seed: int,
    points: Sequence[Mapping[str, Any]],
    pythonpath: Sequence[str],
) -> OwnSearcher:
    sys.path[:0] = [folder for folder in pythonpath if folder not in sys.path]
    factory = load_callable(reference, what="searcher", does="or class that makes the searcher")
    try:
        made = factory(space, seed)
    except Exception as err:
        raise SearcherError(
            f"the searcher {reference} could not be made with (space, seed): "
            f"{type(err).__name__}: {err}"
        ) from err
    if not callable(getattr(made, "suggest", None)):
        raise SearcherError(
            f"the searcher {reference} made a {type(made).__name__}, which has no method "
            "suggest(trial_id, taken, results)"
        )
    return OwnSearcher(made, space, points)
