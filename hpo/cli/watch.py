"""`hpo watch [DIR …]`: campaigns on a screen that refreshes itself."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path

from hpo.errors import EXIT_FINISHED, SettingsError
from hpo.folder.campaign import require
from hpo.folder.campaigns import USUAL
from hpo.watch.campaigns import campaigns_in

WHERE = "the command"


def watch(arguments: Namespace) -> int:
    """Show campaigns until the user leaves; the exit code.

    Raises:
        SettingsError: there is no campaign, no terminal, or no Textual.
    """
    folders = [Path(word) for word in arguments.campaigns] or [USUAL]
    roots = campaigns_in(folders)
    if not roots:
        if arguments.campaigns:
            require(folders[0])
        problem = f"there is no campaign in {folders[0]}; name the output directory of one"
        raise SettingsError([problem], where=WHERE)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):  # where Textual reads and draws
        problem = "hpo watch needs a terminal; `hpo status` prints the same for a file or a pipe"
        raise SettingsError([problem], where=WHERE)
    try:
        import textual  # noqa: F401  # because its absence is told before anything is drawn
    except ModuleNotFoundError:
        problem = (
            f"{sys.executable} has no package textual, which draws the screen: "
            "pip install 'hpo-campaign[watch]'. `hpo status --every 5` works without it"
        )
        raise SettingsError([problem], where=WHERE) from None
    from hpo.watch.screen.app import WatchApp

    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)  # because they would count for more than the terminal's size
    WatchApp(roots, readonly=arguments.readonly).run()
    return EXIT_FINISHED
