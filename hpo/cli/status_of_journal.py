"""A campaign's status where there is no status.json that can be read: from the journal.

For a campaign that began just now, or whose file is damaged. Takes as long as reading all of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from hpo.errors import JournalError
from hpo.folder.files import Layout
from hpo.folder.journal import read_through
from hpo.record.events import Event
from hpo.record.goal import Goal
from hpo.record.state import CampaignState, apply
from hpo.report.chronicle import Chronicle
from hpo.report.status import Seen, status, text_of
from hpo.report.status_document import Status
from hpo.seats.book import SeatBook


def status_of_journal(layout: Layout, document: Mapping[str, Any]) -> Status | None:
    """What the journal tells; None: nothing yet, or it is damaged, too."""
    try:
        goal = Goal.from_json(document["seat"])
        found = read_through(layout.journal, lambda events: _fold(events, goal))
    except (JournalError, OSError, KeyError, TypeError, AttributeError):
        return None
    if found is None:
        return None
    state, chronicle, latest = found
    seen = Seen(latest, layout.root.name)
    text = text_of(status(state, SeatBook(), chronicle, seen))
    return Status.of(json.loads(text))


def _fold(events: Iterator[Event], goal: Goal) -> tuple[CampaignState, Chronicle, float] | None:
    state, chronicle, latest = CampaignState(goal), Chronicle(), None
    for event in events:
        apply(state, event)
        chronicle.follow(event, state)
        latest = event.time
    return None if latest is None else (state, chronicle, latest)
