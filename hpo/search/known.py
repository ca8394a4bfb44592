"""What a searcher is told when a trial is drawn: what is taken, and what came of it.

Views of the state, made anew for each drawing; they change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from hpo.record.state import CampaignState
from hpo.search.searcher import Tried


class Drawn:
    """The configurations of a state and of the decisions not applied yet, as one collection."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self.new: set[str] = set()

    def __contains__(self, key: object) -> bool:
        return key in self._taken or key in self.new

    def __len__(self) -> int:
        return len(self._taken) + len(self.new)

    def __iter__(self) -> Iterator[str]:
        yield from self._taken
        yield from self.new


def tried(state: CampaignState) -> Iterator[Tried]:
    """The results so far; lazily, because random search does not look at them."""
    sign = 1.0 if state.mode == "min" else -1.0
    for trial in state.trials.values():
        if trial.metric is not None:
            yield Tried(trial.trial_id, dict(trial.config), sign * trial.metric, trial.resource)
