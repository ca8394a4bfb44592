"""Which searcher a campaign draws from: one of this program's, or one of the user's own.

The user's module is imported in this process, and what the reference names is called with the space
and the seed.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import cast

from hpo.cli.one_thread import import_linear_algebra
from hpo.cli.time_limit import TimeLimit
from hpo.errors import ObjectiveError, SearcherError
from hpo.search.named import SEARCHERS
from hpo.search.own import OwnSearcher, WithFallback
from hpo.search.random import AsyncRandomSearch
from hpo.search.searcher import Searcher
from hpo.settings.spec import CampaignSpec
from hpo.settings.types import Settings
from hpo.space.space import Space
from hpo.trial.references import load_callable

log = logging.getLogger(__name__)

SUGGESTION_S = 30.0  # that the manager waits for a suggestion; it looks at nothing else meanwhile


def make_searcher(spec: CampaignSpec, limit_s: float = SUGGESTION_S) -> Searcher:
    """The searcher of the campaign; one that learns is stood in for where it fails.

    Raises:
        ObjectiveError: the reference to the user's own leads nowhere.
        SearcherError: it cannot be made.
    """
    hpo, space = spec.hpo, spec.space
    points, settings = hpo.points_to_evaluate, hpo.searcher
    if spec.searcher is not None:
        made = _own(spec.searcher, space, hpo.seed, spec.pythonpath)
    elif isinstance(settings, Settings):
        if spec.is_learning:
            import_linear_algebra()
        chosen = settings.model_dump(exclude={"name"})
        made = SEARCHERS[spec.searcher_name](space, hpo.seed, points, **chosen)
    else:
        return AsyncRandomSearch(space, hpo.seed, points)
    if not spec.is_learning:
        return made
    checked = OwnSearcher(made, space, TimeLimit(limit_s))
    return WithFallback(checked, space, hpo.seed, points, log.warning)


def searcher_problems(
    reference: str,
    space: Space,
    seed: int,
    pythonpath: Sequence[str],
    limit_s: float = SUGGESTION_S,
) -> list[str]:
    """What is wrong with a searcher of the user's own: it is made, and asked for one trial."""
    try:
        made = _own(reference, space, seed, pythonpath)
        first = OwnSearcher(made, space, TimeLimit(limit_s)).suggest(0, frozenset())
    except (ObjectiveError, SearcherError) as err:
        return [str(err)]
    return [] if first else [f"the searcher {reference} suggests nothing for the first trial"]


def _own(reference: str, space: Space, seed: int, pythonpath: Sequence[str]) -> Searcher:
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
    return cast("Searcher", made)
