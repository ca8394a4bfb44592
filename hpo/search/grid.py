"""Grid search: every combination of values once, in an order that is shuffled by the seed.

Shuffled, because a campaign may end before the grid does, and is then to have seen all of it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.search.random import whole_points
from hpo.search.searcher import Tried
from hpo.space.base import Domain
from hpo.space.listed import Choice
from hpo.space.nested import Nested, Options
from hpo.space.numeric import Quantized
from hpo.space.space import Space
from hpo.values import JsonValue, canonical

MOST = 1_000_000  # configurations of a grid


class GridSearch:
    """The points to evaluate, then the grid."""

    def __init__(
        self,
        space: Space,
        seed: int,
        points_to_evaluate: Sequence[Mapping[str, Any]] = (),
        *,
        n_values: int | None,
    ) -> None:
        """Search a `space` without `grid_problems`.

        Args:
            space: Where to search.
            seed: Decides the order.
            points_to_evaluate: As in `AsyncRandomSearch`.
            n_values: Values of each domain that has no end of them.
        """
        self._grid = gridded(space, n_values)
        self._seed = seed
        self._points = whole_points(space, points_to_evaluate)

    def suggest(
        self, trial_id: int, taken: Collection[str], results: Iterable[Tried] = ()
    ) -> dict[str, JsonValue] | None:
        """See `Searcher.suggest`; None at the end of the grid."""
        del results
        index = trial_id - len(self._points)
        if index < 0:
            return dict(self._points[trial_id])
        # Those before it were tried, if all trials came from the grid; else they come at the end.
        start = min(index, len(self._order))
        for place in chain(self._order[start:], self._order[:start]):
            config = self._grid.enumerate(int(place))
            if canonical(config) not in taken:
                return config
        return None

    @cached_property
    def _order(self) -> NDArray[np.int64]:
        size = self._grid.size
        assert size is not None, "checked while the configuration was loaded"
        return np.random.default_rng([self._seed, 3]).permutation(size)


def gridded(space: Space, n_values: int | None) -> Space:
    """The space with `n_values` values of each domain that has no end of them; None: with all."""
    if n_values is None:
        return space
    domains = space.domains.items()
    return Space({name: _gridded(domain, n_values) for name, domain in domains})


def _gridded(domain: Domain, n_values: int) -> Domain:
    if isinstance(domain, Nested):
        return Nested({name: _gridded(one, n_values) for name, one in domain.fields.items()})
    if isinstance(domain, Options):
        return Options(tuple(_gridded(option, n_values) for option in domain.options))
    if domain.size is not None:
        return domain
    return Choice(tuple(domain.value(u) for u in _quantiles(domain, n_values)), is_ordered=True)


def _quantiles(domain: Any, n_values: int) -> list[float]:
    """With both ends, where there are two; else in the middle of equal shares."""
    is_bounded = not isinstance(domain, Quantized) and all(map(math.isfinite, domain.bounds()))
    if is_bounded and n_values > 1:
        return [k / (n_values - 1) for k in range(n_values)]
    return [(k + 0.5) / n_values for k in range(n_values)]


def grid_problems(space: Space, n_values: int | None) -> list[str]:
    """Why there is no grid of the space; empty when there is."""
    endless = [name for name, domain in space.domains.items() if domain.size is None]
    if endless and n_values is None:
        return [
            f"searcher: a grid has no end where {', '.join(endless)} may be any number: say how "
            "many values each such domain is to have, as in {name: grid, n_values: 5}"
        ]
    size = gridded(space, n_values).size
    if size is not None and size > MOST:
        return [
            f"searcher: the grid has {size} configurations, of at most {MOST}: name fewer values, "
            "or use searcher: sobol, which covers a space with any number of trials"
        ]
    return []
