"""Which epoch a printed report is of, whatever the script counts from.

Owns the rules for epochs that begin at 0, are printed twice, or are not printed at all. Each is
told once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from hpo.trial.script.lines import Metrics

log = logging.getLogger(__name__)


class Numbering:
    """Puts the reports of one run of a script in order.

    The report of an epoch 0 is held until the next one: before its training a script may validate
    once, and call that epoch 0 too.
    """

    def __init__(
        self, resource: str, *, from_zero: bool, note_from_zero: Callable[[], Any] = lambda: None
    ) -> None:
        """Count from where the script begins.

        Args:
            resource: the name of the number that tells the epoch.
            from_zero: whether an earlier run of the script began at 0; this one may go on later.
            note_from_zero: called when this one does.
        """
        self._resource = resource
        self._shift = int(from_zero)
        self._note_from_zero = note_from_zero
        self._held: Metrics | None = None
        self._last = 0
        self._told: set[str] = set()

    def place(self, metrics: Metrics) -> list[Metrics]:
        """The reports that can be made now, with epochs from 1 on."""
        epoch = metrics.get(self._resource)
        if isinstance(epoch, float) and epoch.is_integer():
            epoch = int(epoch)
        if not isinstance(epoch, int):  # counted by the trial; or refused there
            return [*self.rest(), metrics]
        if epoch == 0 and self._last == 0:
            self._begin_at_zero(metrics)
            return []
        ready = self.rest()
        number = epoch + self._shift
        if number <= self._last:
            self._tell(
                "again",
                f"{self._resource} {epoch} was printed again, and maybe others: what was printed"
                " first counts",
            )
            return ready
        self._last = number
        return [*ready, metrics | {self._resource: number}]

    def rest(self) -> list[Metrics]:
        """What is still held."""
        held, self._held = self._held, None
        if held is None:
            return []
        self._last = 1
        return [held | {self._resource: 1}]

    def _begin_at_zero(self, metrics: Metrics) -> None:
        self._tell(
            "zero", f"the script counts its {self._resource}s from 0: they are counted from 1"
        )
        if self._held is not None:
            self._tell(
                "sanity",
                f"{self._resource} 0 was printed again: what was first is taken for a check before"
                " the training",
            )
        if not self._shift:
            self._shift = 1
            self._note_from_zero()
        self._held = metrics

    def _tell(self, what: str, text: str) -> None:
        if what not in self._told:
            self._told.add(what)
            log.warning("%s", text)
