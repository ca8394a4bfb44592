"""The global random generators at the start of a trial that was forked from a warm process.

A fork copies the generators: trials of one seat would all draw the same numbers where nobody had
seeded them. Owns the rule: what the user's code seeded while it was imported stays as it is, as in
a fresh interpreter; what nobody seeded starts anew. Looks only at libraries that are imported
already, and imports none.
"""

from __future__ import annotations

import random
import sys
from typing import Any


def untouched() -> Any:
    """Python's own generator now; for `start_anew`, taken before the user's code is imported."""
    return random.getstate()


def start_anew(before: Any) -> None:
    """Draw new seeds for the generators that the user's code did not seed.

    Torch's own generator starts from one fixed seed in every process, and so needs nothing.
    """
    if random.getstate() == before:
        random.seed()
    mtrand = sys.modules.get("numpy.random.mtrand")
    if mtrand is not None and _was_never_seeded(mtrand):
        mtrand.seed()


def _was_never_seeded(mtrand: Any) -> bool:
    # Numpy keeps what its generator came from until somebody calls numpy.random.seed or set_state.
    generator = getattr(mtrand, "_rand", None)
    return getattr(getattr(generator, "_bit_generator", None), "seed_seq", None) is not None
