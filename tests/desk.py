"""A campaign's folder with two offers, what is known of it, and who looks at it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from histories import NOW, claimed, drawn, make_layout, offer_files, offered, state_after, take

from hpo.folder.files import Layout
from hpo.folder.offers import Leg
from hpo.manager import reconcile
from hpo.manager.observe import Observer
from hpo.record import events as ev
from hpo.record.state import CampaignState, apply
from hpo.seats.book import SeatBook

GRACE_S = 10.0


@dataclass
class Desk:
    """A campaign's files, what is known of them, and who looks at them."""

    layout: Layout
    state: CampaignState
    observer: Observer

    def look(self, now: float = NOW) -> list[ev.Event]:
        """Look once, and take in what was seen."""
        seen = self.observer.look()
        facts = self.observer.facts(self.state, seen, now)
        for fact in facts:
            apply(self.state, fact)
        return facts

    def tidy(self) -> None:
        reconcile.tidy(self.layout, self.state, self.observer.look())

    def files(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.layout.root / folder).iterdir())

    def fence(self, now: float) -> None:
        book = self.observer.book
        reconcile.fence_lost(
            self.layout, self.state, self.observer, book, now=now, grace_s=GRACE_S, vanish_s=60.0
        )


def two_offered(folder: Path) -> Desk:
    """Two trials are offered, in the journal and as files."""
    layout = make_layout(folder)
    offer_files(layout, 0, 1)
    events: list[ev.Event] = [ev.CampaignStarted(NOW), drawn(0), drawn(1), offered(0), offered(1)]
    return Desk(layout, state_after(events), Observer(layout, SeatBook(), GRACE_S))


def claimed_by_7(desk: Desk) -> Leg:
    """Trial 0 runs in job 7, and the journal knows."""
    taken = take(desk.layout, "7")
    assert desk.look() == [claimed(0)]
    return taken
