"""A campaign's folder that was copied or moved since its last start.

campaign.json names the folder's own path. Jobs of the original still serve the folder there: they
must never be adopted, counted or cancelled from here, so the campaign takes a new name, and what
they held is lost to it. All else goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpo.folder import offers
from hpo.folder.files import Layout
from hpo.folder.safety import is_same_folder
from hpo.record.goal import Goal

if TYPE_CHECKING:
    from hpo.record.events import Event


@dataclass(frozen=True, slots=True)
class Origin:
    """Which campaign the folder was copied from; `is_gone`: it lies there no more, so moved."""

    campaign: str
    path: str
    is_gone: bool


def origin(layout: Layout, document: Mapping[str, Any]) -> Origin | None:
    """Where the folder was copied or moved from since the last start; None: from nowhere.

    The same folder under another name (a link, another mount) is no copy.
    """
    path = document.get("path")
    if not isinstance(path, str) or is_same_folder(path, layout.root):
        return None
    # Not the folder itself, which a job that lives on may make again for its trial.
    is_gone = not os.path.lexists(Layout(Path(path)).campaign)
    return Origin(str(document["campaign"]), path, is_gone)


def foreign_jobs(layout: Layout, document: Mapping[str, Any]) -> set[str]:
    """The jobs of the original that hold legs here, as the journal or a claim says.

    Raises:
        JournalError: the journal is damaged.
        OSError: the claims cannot be read now.
    """
    from hpo.folder.journal import read_through  # here, because who only looks reads none
    from hpo.record.state import CampaignState, TrialStatus, apply

    state = CampaignState(Goal(mode=str(document["seat"].get("mode", "min"))))

    def follow(events: Iterator[Event]) -> None:
        for event in events:
            apply(state, event)

    read_through(layout.journal, follow)
    held = {state.trials[i].job_id or "" for i in state.of(TrialStatus.CLAIMED)}
    held |= {leg.job_id or "" for leg in offers.list_legs(layout.claims) if not leg.done}
    return held


def forget_the_original(layout: Layout) -> None:
    """Remove what speaks of the original's processes, and offers that the journal writes anew.

    A copy is no snapshot: an offer may have been copied before a job took it, and the claim after.
    """
    for path in layout.live.glob("*.json"):
        path.unlink(missing_ok=True)
    for leg in offers.list_legs(layout.offers):
        offers.discard(layout.offers, leg)
