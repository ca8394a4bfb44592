"""Takes up what people ask for: each request once, told in the log, and gone from its folder.

What a request comes to the scheduler says; this reads the files and removes them after the journal
has the fact. One that is refused, or is no request, is told once and removed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from hpo.decisions.scheduler import Scheduler
from hpo.folder import requests
from hpo.folder.files import Layout
from hpo.folder.requests import Standing
from hpo.record import events as ev
from hpo.record.state import CampaignState, TrialStatus

log = logging.getLogger(__name__)


@dataclass(slots=True)
class RequestKeeper:
    """The requests of one campaign."""

    layout: Layout
    scheduler: Scheduler
    _refused: set[str] = field(default_factory=set)  # told, also where they cannot be removed
    _left: set[tuple[int, int]] = field(default_factory=set)  # attempts that were asked to leave

    def take(
        self,
        state: CampaignState,
        now: float,
        commit: Callable[[Iterable[ev.Event]], object],
        *,
        reopens: bool = False,
    ) -> bool:
        """Journal what the requests that lie there come to; whether there was any.

        Args:
            state: the campaign, which `commit` changes.
            now: the time (s, Unix).
            commit: journals events and applies them.
            reopens: whether a campaign that has ended goes on for them.

        Raises:
            OSError: nothing can be read or journaled now; nothing is lost.
        """
        news = False
        for found in requests.standing(self.layout):
            if found.token not in state.tokens and found.token not in self._refused:
                events = self._events(state, found, now, reopens=reopens)
                commit(events)
                news = news or bool(events)
            self._remove(found.token)
        return news

    def _events(
        self, state: CampaignState, found: Standing, now: float, *, reopens: bool
    ) -> list[ev.Event]:
        if found.request is None:
            log.warning("a request is not taken up: %s", found.fault)
            self._refused.add(found.token)
            return []
        event, refused = self.scheduler.answer(state, found.token, found.request, now)
        for sentence in refused:
            log.warning("what %s asks for is refused: %s", found.request.by, sentence)
        if event is None:
            self._refused.add(found.token)
            return []
        first = self.scheduler.reopen_for(state, event, now) if reopens else []
        return [*first, event]

    def _remove(self, token: str) -> None:
        try:
            requests.remove(self.layout, token)
        except OSError as err:
            log.debug("the request %s stays for now: %s", token, err)

    def ask_to_leave(self, state: CampaignState) -> None:
        """Ask what runs of the trials that are to stop; costs nothing where there are none.

        Raises:
            OSError: it cannot be asked now.
        """
        for trial_id in sorted(state.stopping & state.of(TrialStatus.CLAIMED)):
            attempt = state.trials[trial_id].attempt
            if (trial_id, attempt) not in self._left:
                requests.ask_to_leave(self.layout, trial_id, attempt)
                self._left.add((trial_id, attempt))
