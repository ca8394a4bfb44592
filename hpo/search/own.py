"""A searcher of the user's own: asked after the given points, and believed only after checks.

Calls the user's code, which runs in the manager and must be quick.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from hpo.errors import SearcherError
from hpo.search.random import whole_points
from hpo.search.searcher import Searcher, Tried
from hpo.space.base import describe
from hpo.space.space import Space
from hpo.values import JsonValue, plain


class OwnSearcher:
    """Gives the points to evaluate, then what the user's searcher suggests."""

    def __init__(
        self, searcher: Searcher, space: Space, points: Sequence[Mapping[str, Any]] = ()
    ) -> None:
        self._searcher = searcher
        self._space = space
        self._points = whole_points(space, points)

    def suggest(
        self, trial_id: int, taken: Collection[str], results: Iterable[Tried] = ()
    ) -> dict[str, JsonValue] | None:
        """See `Searcher.suggest`.

        Raises:
            SearcherError: the user's code raised, or suggested what is not in the space.
        """
        if trial_id < len(self._points):
            return dict(self._points[trial_id])
        name = type(self._searcher).__qualname__
        try:
            suggested = self._searcher.suggest(trial_id, taken, results)
        except Exception as err:
            raise SearcherError(
                f"the searcher {name} raised {type(err).__name__} for trial {trial_id}: {err}"
            ) from err
        if suggested is None:
            return None
        problem = self._problem(suggested)
        if problem is not None:
            raise SearcherError(f"the searcher {name} suggested for trial {trial_id} {problem}")
        return dict(sorted(plain(suggested).items()))

    def _problem(self, suggested: object) -> str | None:
        """What speaks against a suggestion, to be read behind "suggested"."""
        if not isinstance(suggested, Mapping):
            return f"a {type(suggested).__name__}; it must be a dict, or None at the end"
        domains = self._space.domains
        missing = [name for name in domains if name not in suggested]
        unknown = [str(name) for name in suggested if name not in domains]
        if missing or unknown:
            odd = f"no {', '.join(missing)}" if missing else f"{', '.join(unknown)}"
            return f"{odd}; the space has {', '.join(domains)}"
        for name, domain in domains.items():
            if not domain.contains(suggested[name]):
                return f"{name}={suggested[name]!r}, which is not in {describe(domain)}"
        return None
