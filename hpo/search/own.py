"""A searcher that is believed only after checks, and one that stands in for it where it fails.

What is asked may be the user's code, which runs in the manager.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from hpo.errors import SearcherError
from hpo.search.random import AsyncRandomSearch, whole_points
from hpo.search.searcher import Searcher, Tried
from hpo.space.base import describe
from hpo.space.space import Space
from hpo.values import JsonValue

Call: TypeAlias = Callable[[Callable[[], Any]], Any]
"""Calls what it is given; may raise TimeoutError instead of waiting for it for ever."""


def at_once(act: Callable[[], Any]) -> Any:
    """Just call it, however long it takes."""
    return act()


class OwnSearcher:
    """Gives what a searcher suggests, once it was found to be a configuration of the space."""

    def __init__(self, searcher: Searcher, space: Space, call: Call = at_once) -> None:
        self._searcher = searcher
        self._space = space
        self._call = call

    def suggest(
        self, trial_id: int, taken: Collection[str], results: Iterable[Tried] = ()
    ) -> dict[str, JsonValue] | None:
        """See `Searcher.suggest`.

        Raises:
            SearcherError: the searcher raised, took too long, or suggested what is not in the
                space.
        """
        name = type(self._searcher).__qualname__
        try:
            suggested = self._call(lambda: self._searcher.suggest(trial_id, taken, results))
        except TimeoutError as err:
            raise SearcherError(f"the searcher {name} {err}, for trial {trial_id}") from err
        except (Exception, SystemExit) as err:
            raise SearcherError(
                f"the searcher {name} raised {type(err).__name__} for trial {trial_id}: {err}"
                f"{_place(err)}"
            ) from err
        if suggested is None:
            return None
        problem = self._problem(suggested)
        if problem is not None:
            raise SearcherError(f"the searcher {name} suggested for trial {trial_id} {problem}")
        return self._space.completed(suggested)

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


def _place(err: BaseException) -> str:
    """Where it was raised."""
    frames = traceback.extract_tb(err.__traceback__)
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


class PointsFirst:
    """The points to evaluate, then what a searcher suggests."""

    def __init__(
        self, searcher: Searcher, space: Space, points_to_evaluate: Sequence[Mapping[str, Any]]
    ) -> None:
        self._searcher = searcher
        self._points = whole_points(space, points_to_evaluate)

    def suggest(
        self, trial_id: int, taken: Collection[str], results: Iterable[Tried] = ()
    ) -> dict[str, JsonValue] | None:
        """See `Searcher.suggest`."""
        if trial_id < len(self._points):
            return dict(self._points[trial_id])
        return self._searcher.suggest(trial_id, taken, results)


class WithFallback:
    """The points to evaluate, then what a searcher suggests, or a random draw where it fails."""

    def __init__(
        self,
        searcher: OwnSearcher,
        space: Space,
        seed: int,
        points_to_evaluate: Sequence[Mapping[str, Any]],
        tell: Callable[[str], None],
    ) -> None:
        """`tell` is told of each trial that was drawn at random instead."""
        self._searcher = searcher
        self._random = AsyncRandomSearch(space, seed, points_to_evaluate)
        self._tell = tell

    def suggest(
        self, trial_id: int, taken: Collection[str], results: Iterable[Tried] = ()
    ) -> dict[str, JsonValue] | None:
        """See `Searcher.suggest`; never raises."""
        if trial_id >= len(self._random.points):
            try:
                return self._searcher.suggest(trial_id, taken, results)
            except SearcherError as err:
                self._tell(f"{err}. The trial is drawn at random instead, and the campaign goes on")
        return self._random.suggest(trial_id, taken)
