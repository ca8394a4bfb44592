"""campaign.json: what a campaign is called, where it lies and how it was started last.

People edit such files. Its content is made by `manager.opening`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.errors import SettingsError
from hpo.folder.files import (
    MOST_CAMPAIGN_BYTES,
    Layout,
    publish,
    read_object,
    read_plain,
    to_json,
)
from hpo.folder.json_text import parse
from hpo.folder.opening import settled
from hpo.record.fields import from_json

FORMAT = 1
NAME = re.compile(r"[A-Za-z0-9_-]+")  # it stands in the names of jobs
TYPES: Mapping[str, Any] = {
    "campaign": str,
    "created": (int, float),
    "identity": dict,
    "settings": dict,
    "seat": dict,
}


@dataclass(frozen=True, slots=True)
class Start:
    """How the manager was started last: on which executor and host, by which command, where."""

    executor: str
    host: str
    command: str
    folder: str


def stored(layout: Layout) -> dict[str, Any] | None:
    """The document, or None: there is none, or it is not what a manager wrote."""
    found = read_object(layout.campaign, MOST_CAMPAIGN_BYTES)
    return None if faults(found) else found


def faults(document: Mapping[str, Any]) -> list[str]:
    """What a manager would not have written so, e.g. after an edit by hand."""
    wrong = [f"`{key}`" for key, kind in TYPES.items() if not isinstance(document.get(key), kind)]
    name = document.get("campaign")
    if isinstance(name, str) and not NAME.fullmatch(name):
        wrong.append("the name in `campaign`")
    foreign = document.get("foreign_jobs", [])
    if not isinstance(foreign, list) or not all(isinstance(job_id, str) for job_id in foreign):
        wrong.append("`foreign_jobs`")
    if document.get("format", FORMAT) != FORMAT:
        wrong.append(f"`format` (this program reads {FORMAT})")
    return wrong


def file_problem(layout: Layout) -> str | None:
    """Why the folder's campaign.json cannot be used; None: it can, or there is none."""
    try:
        layout.campaign.lstat()
    except FileNotFoundError:
        return None
    except OSError as err:
        return f"{layout.campaign} cannot be read: {err.strerror}"
    if stored(layout) is not None:
        return None
    found = read_object(layout.campaign, MOST_CAMPAIGN_BYTES)
    what = f"is wrong in {', '.join(faults(found))}" if found else _unreadable(layout)
    return f"{layout.campaign} cannot be read as a campaign; mend it or use --fresh: it {what}"


def _unreadable(layout: Layout) -> str:
    try:
        parse(read_plain(layout.campaign, MOST_CAMPAIGN_BYTES))
    except OSError as err:
        return str(err.strerror or err)
    except ValueError as err:
        return f"is no JSON object ({err})"
    return "is no JSON object"


def write(layout: Layout, document: Mapping[str, Any]) -> None:
    """Publish the document.

    Raises:
        SettingsError: it is larger than is ever read.
        OSError: it cannot be written.
    """
    text = to_json(document, indent=2) + "\n"
    if len(text.encode()) > MOST_CAMPAIGN_BYTES:
        problem = (
            f"the settings and the space take {len(text) / 1e6:.0f} MB in campaign.json, which "
            f"each job reads; {MOST_CAMPAIGN_BYTES / 1e6:.0f} MB are the most: draw from a range "
            "such as randint instead of listing values"
        )
        raise SettingsError([problem], where="the configuration")
    publish(layout.campaign, text)


def require(root: Path) -> tuple[Layout, dict[str, Any]]:
    """The campaign in `root`, for commands that look at one.

    Raises:
        SettingsError: there is none.
    """
    layout = Layout(settled(root))
    document = stored(layout)
    if document is None:
        problem = file_problem(layout) or (
            f"{root} holds no campaign (no campaign.json); name the output directory of one, "
            "such as hpo_results/mlp_example"
        )
        raise SettingsError([problem], where="the command")
    return layout, document


def last_start(document: Mapping[str, Any]) -> Start | None:
    """How the campaign was started last; None for one of an older version."""
    try:
        return from_json(Start, document.get("start"))
    except ValueError:
        return None
