"""Whether a script can import this package: what lies beside a script comes before it.

Reads the folder of the script; imports nothing of it. Apart from what runs scripts, because it is
asked before one is run, and reads what lies beside it.
"""

from __future__ import annotations

import re
from pathlib import Path

import hpo
from hpo.errors import ObjectiveError

_WANTS_US = re.compile(rb"^\s*from\s+hpo\s+import\b.*\bReporter\b", re.MULTILINE)


def require_the_package(script: Path, source: bytes) -> None:
    """Refuse a script that means this package and gets a neighbour of the same name.

    Raises:
        ObjectiveError: naming the neighbour.
    """
    if not _WANTS_US.search(source):
        return
    for neighbour in (script.parent / "hpo" / "__init__.py", script.parent / "hpo.py"):
        try:
            hides = b"Reporter" not in neighbour.read_bytes()
        except OSError:
            continue
        if hides and neighbour.resolve() != Path(hpo.__file__).resolve():
            raise ObjectiveError(
                f"{neighbour} hides the package hpo from the script {script}, which imports"
                " Reporter from it: Python looks beside a script first; rename it, or report by"
                " lines that metric_pattern matches"
            )
