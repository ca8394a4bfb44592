"""Every few minutes one line in the log on how the campaign stands.

Owns the rhythm; what the line says is `hpo.report.standing`'s.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from hpo.decisions.needs import ComingLeg
from hpo.record.state import CampaignState
from hpo.report.standing import Told, standing_line
from hpo.seats.book import SeatBook

log = logging.getLogger(__name__)

EVERY_S = 300.0
QUIET_S = 1800.0  # where nothing has happened since


class StandingTeller:
    """The lines of one manager; times in s."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._last: float | None = None
        self._news = False

    def tell(
        self,
        state: CampaignState,
        book: SeatBook,
        to_come: Mapping[ComingLeg, int],
        now: float,
        *,
        news: bool,
    ) -> None:
        """Log the line where it is time; `news`: something has happened since this was called."""
        self._news |= news
        if self._last is None:
            self._last = now  # a start has just said what it begins with
        if now < self._last + (EVERY_S if self._news else QUIET_S):
            return
        self._last, self._news = now, False
        log.info("%s", standing_line(state, book, to_come, now, self._told))
