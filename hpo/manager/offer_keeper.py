"""Keeps offers/ as the journal says: writes what was decided, and again what somebody removed.

Owns which offers are still to be written. What an offer holds is `reconcile`'s.
"""

from __future__ import annotations

from hpo.folder.files import Layout
from hpo.manager import reconcile
from hpo.record.state import CampaignState

CHECK_S = 300.0  # how often offers are looked for that somebody removed by hand
RECHECK_S = 90.0  # longer than any node keeps the listing of a folder
AT_ONCE = float("-inf")


class OfferKeeper:
    """The offers of one campaign."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._unwritten: set[int] = set()
        self._missing: set[int] = set()  # what the last check did not find
        self._next_check = AT_ONCE

    def note(self, trial_id: int) -> None:
        """The trial was offered in the journal."""
        self._unwritten.add(trial_id)

    def keep(self, state: CampaignState, now: float) -> None:
        """Write what is due.

        Raises:
            OSError: some may not be written; nothing is forgotten.
        """
        if now >= self._next_check:
            self._check(state, now)
        due, self._unwritten = self._unwritten, set()
        try:
            reconcile.write_offers(self._layout, state, due)
        except OSError:
            # Some were written, and may be taken before the next try: look which lie nowhere.
            self._next_check = AT_ONCE
            raise

    def _check(self, state: CampaignState, now: float) -> None:
        """Look for offers that lie nowhere.

        A listing of a network filesystem may be a minute old, and a leg on its way from one folder
        to another in none of them. So, except after a crash or a failed write, which are known
        reasons, what is missing twice is missing.
        """
        missing = reconcile.find_unwritten(self._layout, state)
        expected = self._next_check == AT_ONCE
        self._unwritten |= missing if expected else missing & self._missing
        unclear = bool(missing - self._unwritten)
        self._missing = missing
        self._next_check = now + (RECHECK_S if unclear else CHECK_S)
