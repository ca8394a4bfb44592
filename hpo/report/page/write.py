"""`report.html`: read the campaign, make the page, put it there at once or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hpo.folder import opening
from hpo.folder.files import Layout, publish
from hpo.folder.opening import settled
from hpo.report.page.render import render
from hpo.report.page.sources import read


def write(
    layout: Layout,
    document: Mapping[str, Any],
    target: Path | None,
    told: Callable[[str, object], object],
) -> Path:
    """Write the page, for those to read who may read the campaign; where.

    Args:
        layout: of the campaign.
        document: its campaign.json.
        target: the file; None: `report.html` in its folder.
        told: (key, value) of a setting as it may be told.

    Raises:
        MissingExtraError: jinja2 is not installed.
        JournalError: the journal is damaged.
        OSError: something cannot be read or written now; an old page is untouched.
    """
    settings = {
        section: {key: told(key, value) for key, value in values.items()}
        if isinstance(values, dict)
        else values
        for section, values in document["settings"].items()
        if section != "space"
    }
    text = render(read(layout, document), str(layout.root), settings, time.time())
    if target is None:
        publish(layout.report, text, durable=False)
        return layout.report
    place = settled(target.parent) / target.name
    _publish_elsewhere(place, text, stat.S_IMODE(layout.root.stat().st_mode) & 0o044 | 0o600)
    return place


def _publish_elsewhere(path: Path, text: str, mode: int) -> None:
    """Replace a file in a folder that is not the campaign's."""
    temporary = f".{path.name}.{os.urandom(4).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with opening.opened(path.parent) as home:
        descriptor = os.open(temporary, flags, 0o600, dir_fd=home)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                os.fchmod(file.fileno(), mode)
            os.replace(temporary, path.name, src_dir_fd=home, dst_dir_fd=home)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary, dir_fd=home)
            raise
