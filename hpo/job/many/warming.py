"""What one trial of a seat had to load on its way, the seat loads once for all that follow.

Libraries load parts of themselves when they are first used (torch's first optimizer: 800 modules),
and what a fork loads is gone with it. Owns which modules a seat loads, and that it is tried in a
fork first: a seat that has started threads or used the GPU could fork no more. Standard library
only.
"""

from __future__ import annotations

import importlib
import logging
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from hpo.job.leave_flag import LeaveFlag
from hpo.job.many.forking import danger
from hpo.job.many.process import Note, run_forked
from hpo.seats.stay import Stay

log = logging.getLogger(__name__)

LIMIT_S = 120.0  # for the try; the trial that needed it has loaded the same a moment ago
FEWEST = 3  # trials still to come for which two loads, the try and the real one, are worth it


@dataclass(slots=True)
class Warmth:
    """What the seat has tried to load for its trials."""

    _tried: set[str] = field(default_factory=set)

    def take_up(self, loaded: Iterable[str], stay: Stay, flag: LeaveFlag) -> None:
        """Load what a trial that has ended had loaded, of packages that are here already.

        Args:
            loaded: names of modules, in the order in which the trial loaded them.
            stay: of the seat; where few trials are to come, nothing is loaded.
            flag: of the job.
        """
        names = [n for n in loaded if n not in self._tried and n.partition(".")[0] in sys.modules]
        few = stay.legs_left is not None and stay.legs_left < FEWEST
        if stay.over is not None or few or not names:
            return
        self._tried.update(names)
        begun = time.monotonic()
        tried = run_forked(lambda note: note({"why_not": _load(names)}), flag, LIMIT_S)
        answers = [note for note in tried.notes if "why_not" in note]
        if answers != [{"why_not": None}] or tried.code != 0:
            log.info("what trials load on their way is not loaded here: %s", answers or tried.code)
            return
        if not flag.is_set():
            _load(names)
            seconds = time.monotonic() - begun
            log.info("loaded %d modules for the trials to come in %.1f s", len(names), seconds)


def _load(names: Iterable[str]) -> str | None:
    """Import them; why no trial may be forked from this process now, None: it may."""
    for name in names:
        try:
            importlib.import_module(name)
        except Exception:  # because then each trial loads it, as before
            log.debug("%s cannot be loaded ahead", name, exc_info=True)
    return danger()


def told(note: Note, before: set[str]) -> None:
    """In the trial's process: tell the seat what was loaded since `before`, as one word a module.

    Modules that no name leads to (made by hand, or by `exec`) are left out.
    """
    new = [name for name in list(sys.modules) if name not in before]
    names = [name for name in new if getattr(sys.modules.get(name), "__spec__", None) is not None]
    note({"loaded": " ".join(names)})
