"""`hpo report DIR`: the campaign as one HTML page. Only reads, but for the page itself."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

from hpo.cli.printing import complain, say
from hpo.errors import EXIT_FINISHED
from hpo.folder.campaign import require
from hpo.folder.safety import other_owner
from hpo.report.page.write import write
from hpo.settings.secrecy import is_secret, told_setting


def report(arguments: Namespace) -> int:
    """Write the page; the exit code.

    Raises:
        SettingsError: no such campaign.
        MissingExtraError: jinja2 is not installed.
        JournalError: the journal is damaged.
        OSError: something cannot be read or written now.
    """
    layout, document = require(Path(arguments.campaign))
    if (owner := other_owner(layout.root)) is not None:
        complain(f"the campaign in {layout.root} belongs to {owner}")
    # Importing Optuna's importance imports it, which takes seconds, and PED-ANOVA needs none of it.
    sys.modules.setdefault("sklearn", None)  # type: ignore[arg-type]
    target = None if arguments.output is None else Path(arguments.output)
    say(write(layout, document, target, _told))
    return EXIT_FINISHED


def _told(key: str, value: Any) -> Any:
    """A setting of campaign.json without what may be a password."""
    if is_secret(key):
        return "…" if value else value
    if isinstance(value, dict):
        return {inner: _told(inner, item) for inner, item in value.items()}
    if isinstance(value, list):
        return [_told(key, item) for item in value]
    return told_setting(key, value) if isinstance(value, str) else value
