"""A command of this program as a child of the manager: what people look at is made by such ones.

The manager imports nothing of it, and whatever becomes of it holds up nothing.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import hpo

POLITE = 19
SWITCH = "HPO_NO_REPORT"  # in the environment, for a machine on which nothing is to be drawn
# Not with -m, for which a folder named hpo where this runs would be the package.
_START = (
    "import sys; sys.path = [p for p in sys.path if p]; sys.path.append(sys.argv.pop(1)); "
    "import hpo.cli; sys.exit(hpo.cli.main())"
)


def command(words: Sequence[str]) -> list[str]:
    """`hpo WORDS` as a process, wherever this program lies and whatever folder it is called in."""
    above = str(Path(hpo.__file__).resolve().parents[1])
    return [sys.executable, "-c", _START, above, *words]


def begin(words: Sequence[str], *, politely: bool) -> subprocess.Popen[bytes]:
    """Start `hpo WORDS`, in a session of its own; its errors can be read.

    Args:
        words: the command and its arguments.
        politely: behind everything else that wants the processor.

    Raises:
        OSError: it cannot be started.
    """
    child = subprocess.Popen(
        command(words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    if politely:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, child.pid, POLITE)
    return child
