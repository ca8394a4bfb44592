"""`hpo plots DIR`: the campaign's pictures as files. Only reads, but for the pictures."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from hpo.cli.printing import complain, say
from hpo.errors import EXIT_FINISHED, SettingsError
from hpo.folder import opening
from hpo.folder.campaign import require
from hpo.folder.files import Layout
from hpo.folder.safety import other_owner
from hpo.report.pictures.every import pictures, write


def plots(arguments: Namespace) -> int:
    """Draw the pictures; the exit code.

    Raises:
        SettingsError: no such campaign, or it is somebody else's and no folder was named.
        MissingExtraError: matplotlib is not installed.
        JournalError: the journal is damaged.
        OSError: something cannot be read or written now.
    """
    layout, document = require(Path(arguments.campaign))
    folder = _folder(layout, arguments.output)
    for picture in pictures(layout, document):
        if picture.draw is None:
            say(f"no {picture.name.replace('_', ' ')}: {picture.why_not}")
        else:
            say(write(picture, folder, arguments.format))
    return EXIT_FINISHED


def _folder(layout: Layout, output: str | None) -> Path:
    owner = other_owner(layout.root)
    if output is not None:
        if owner is not None:
            complain(f"the campaign in {layout.root} belongs to {owner}")
        folder = Path(output)
        folder.mkdir(parents=True, exist_ok=True)
        return folder.resolve()
    if owner is not None:
        problem = f"the campaign in {layout.root} belongs to {owner}: name a folder of yours by -o"
        raise SettingsError([problem], where="the command")
    opening.make_folder(layout.plots)
    return layout.plots
