"""Found by the Pythons that tests start: syncing guards against dead machines, not dead processes.

On a slow disk it would take most of the tests' time.
"""

import os
from typing import Any


def _fsync(fd: Any) -> None:
    del fd


os.fsync = _fsync
