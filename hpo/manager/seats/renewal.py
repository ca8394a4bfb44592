"""Seats that wait and were asked for with other settings: changed in their places, or asked anew.

Owns the moment: once, at the first look at the queue after a start with edited settings.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from hpo.errors import SubmissionError
from hpo.seats.book import SeatBook
from hpo.seats.orders import Cancel, Change, Renew

log = logging.getLogger(__name__)


class Renewal:
    """What one manager has to do of it."""

    def __init__(self, book: SeatBook, *, due: bool) -> None:
        self._book = book
        self._due = due

    def act(self, carry_out: Callable[[Change], bool]) -> bool:
        """Do it, if that is due and the seats are known; False: it has to be tried again first."""
        if not self._due or not self._book.counted:
            return not self._due
        job_ids = tuple(sorted(s.job_id for s in self._book.queued() if s.trial_id is None))
        try:
            done = carry_out(Renew(job_ids))
        except SubmissionError as err:
            log.warning(
                "the settings that were edited cost %d places in the queue: %s; those jobs are "
                "asked for anew",
                len(job_ids),
                err,
            )
            done = carry_out(Cancel(job_ids, "asked for anew, as the settings say now"))
            done = done and carry_out(Renew(()))
        self._due = not done
        return done
