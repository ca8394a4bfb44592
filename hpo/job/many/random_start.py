"""The global random generators at the start of a trial that was forked from a warm process.

A fork copies numpy's generator, and all trials of one seat would draw the same numbers from it;
Python seeds its own anew in each fork, whatever the user's code had seeded. Owns the rule: what the
user's code seeded while it was imported is the same in each trial, as in a fresh interpreter; what
nobody seeded starts anew. Looks only at libraries that are imported already, and imports none.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class RandomStart:
    """Made before the user's code is imported, which `imported` is told of."""

    _state: Any = None

    def __post_init__(self) -> None:
        """Note where Python's generator stands."""
        self._state = random.getstate()

    def imported(self) -> None:
        """The user's code has been imported, and has seeded what it wants to."""
        state = random.getstate()
        self._state = None if state == self._state else state

    def begin(self) -> None:
        """In the forked process: what a fresh interpreter would begin with.

        Torch's own generator starts from one fixed seed in every process, and so needs nothing.
        """
        if self._state is not None:
            random.setstate(self._state)
        mtrand = sys.modules.get("numpy.random.mtrand")
        if mtrand is not None and _was_never_seeded(mtrand):
            mtrand.seed()


def _was_never_seeded(mtrand: Any) -> bool:
    # Numpy keeps what its generator came from until somebody calls numpy.random.seed or set_state.
    generator = getattr(mtrand, "_rand", None)
    return getattr(getattr(generator, "_bit_generator", None), "seed_seq", None) is not None
