"""What a campaign has lost to preemptions and faults: the sum over its lost legs.

Pure: no I/O, no clock. Work that a leg saved, or that a job which was asked to leave saved before
it went, is not lost.
"""

from __future__ import annotations

from dataclasses import dataclass

from hpo.record.events import LegLost, LegReturned


@dataclass(slots=True)
class LostWork:
    """Legs lost, the seat time (s) to be spent again, and the resource to be trained again."""

    legs: int = 0
    seconds: float = 0.0
    resource: int = 0

    def add(self, event: LegLost | LegReturned) -> None:
        """Count one lost leg."""
        self.legs += 1
        self.seconds += event.lost_s
        self.resource += event.lost_resource
