"""What is said of a training script that ended as it should not.

Words only: an exit code and a script's last lines become a sentence with the cure.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable

_HINTS = {
    2: " (argparse's, for an option that the script does not take as given)",
    -signal.SIGKILL: ", which often means that memory was short",
}


def failure(code: int, last_lines: Iterable[str]) -> str:
    """How a script failed; `code` is negative for the signal that killed it."""
    end = f"ended with exit code {code}" if code > 0 else f"was killed by {_signal_name(-code)}"
    printed = "\n".join(last_lines) or "(nothing)"
    return f"{end}{_HINTS.get(code, '')}; it printed last:\n{printed}"


def silence(metric_pattern: str | None) -> str:
    """What to do about a script that ended well and reported nothing."""
    if metric_pattern is not None:
        cure = f"no line that it printed matches metric_pattern {metric_pattern!r}"
    else:
        cure = (
            "call hpo.Reporter()(epoch=…, validation_error=…) after each epoch, with the names of"
            " resource_attr and metric, or set metric_pattern for the lines that it prints"
        )
    return f"ended without reporting; {cure}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # because real-time signals have no names
        return f"signal {number}"
