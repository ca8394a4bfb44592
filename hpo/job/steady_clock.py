"""The time of a leg: the wall clock's as it begins, and from then on what has really passed.

So a clock that is set meanwhile neither shortens nor lengthens what the leg took. Standard library
only, because every job imports it.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def steady_clock() -> Callable[[], float]:
    """A clock (s, Unix) that is set by the wall's now, and never again."""
    ahead_s = time.time() - time.monotonic()
    return lambda: ahead_s + time.monotonic()
