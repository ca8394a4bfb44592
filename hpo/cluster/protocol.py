"""The seam between the manager and whatever runs its jobs.

Three verbs for all jobs at once (submit, change, poll), the last words of one, and a clock. No word
of any particular cluster passes this line: what is asked comes as the orders of `hpo.seats.orders`,
states go back as `JobStatus`, failures as the errors of `hpo.errors`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

from hpo.seats.book import JobStatus
from hpo.seats.orders import Change, Submit


class Clock(Protocol):
    """Time as the manager sees it; virtual in the simulator."""

    def now(self) -> float:
        """Seconds since 1970."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait, or return early when a signal asks to leave."""
        ...


@dataclass(frozen=True, slots=True)
class ClusterTraits:
    """What a cluster is like; times in s.

    Attributes:
        has_queue: whether seats may wait in a queue of the cluster's own.
        tick_s: how often the manager looks at the files.
        poll_s: least time between two polls.
        result_grace_s: how late the files of an ended job may become visible.
        vanish_s: how long a job may be missing from the lists before it is given up.
        verdict_s: how long it may take to say why a job was asked to leave; 0: it never says.
        capacity: seats that can run at once, where the cluster knows; None: ask for any.
        edited: whether seats that wait were asked for with other settings than today's.
    """

    has_queue: bool
    tick_s: float
    poll_s: float
    result_grace_s: float = 0.0
    vanish_s: float = 0.0
    verdict_s: float = 0.0
    capacity: int | None = None
    edited: bool = False


class Cluster(Protocol):
    """Where seats run."""

    @property
    def traits(self) -> ClusterTraits:
        """What it is like."""
        ...

    @property
    def others(self) -> int:
        """The user's jobs that wait or run for something else, by the last poll; 0: none known."""
        ...

    def submit(self, order: Submit) -> list[str]:
        """Ask for seats; their job ids.

        They may be fewer than ordered, or none, where there is no room at this moment. Nodes are
        avoided where the cluster has more than one.

        Raises:
            SubmissionError: refused as invalid.
            SubmissionLimitError: refused for now.
            SubmissionUncertainError: not answered; the seats may exist.
        """
        ...

    def change(self, order: Change) -> None:
        """Carry out an order for seats that are there already; what is over by then is no matter.

        Raises:
            PollError: nobody knows for which of them it was carried out; of `Raise` also: one of
                them waits no more, and has not got the memory.
            SubmissionError: of `Renew`: seats that wait cannot be changed so; ask for others.
        """
        ...

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Every live job of the campaign, and the end of each of `job_ids` known to be over.

        Raises:
            PollError: no news.
        """
        ...

    def last_words(self, job_id: str) -> str:
        """The last lines that a job printed, for people; empty where there are none."""
        ...
