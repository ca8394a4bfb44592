"""Tells jobs, and once a person, how long legs of the campaign report nothing at most."""

from __future__ import annotations

import logging
import math

from hpo.folder import silence
from hpo.folder.files import Layout
from hpo.record.state import CampaignState
from hpo.seats.silence import AUTO, Known, allowed_s
from hpo.units.duration import in_words

log = logging.getLogger(__name__)

STEP_S = 60.0  # by which it is rounded up, so that it is seldom written anew


class SilenceTeller:
    """What jobs were told by this manager."""

    def __init__(self, layout: Layout, *, learns: bool) -> None:
        self._layout = layout
        self._learns = learns
        self._told_s: float | None = None

    def tell(self, state: CampaignState) -> None:
        """Tell it where it has changed.

        Raises:
            OSError: it cannot be written now.
        """
        learned_s = state.pace.longest_silence_s() if self._learns else None
        if learned_s is None or state.ended is not None:
            return
        longest_s = STEP_S * math.ceil(learned_s / STEP_S)
        if longest_s == self._told_s:
            return
        silence.publish(self._layout, longest_s)
        if self._told_s is None:
            log.info(
                "hang_after: a trial that reports nothing for %s is taken to hang; so far a report "
                "took up to %s",
                in_words(allowed_s(AUTO, Known(longest_s, longest_s))),
                in_words(learned_s),
            )
        self._told_s = longest_s
