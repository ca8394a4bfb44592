"""The seam between the manager and whatever runs its jobs.

Three verbs for all jobs at once (submit, poll, cancel) and a clock. No word of any particular
cluster passes this line: states come as `JobStatus`, failures as the errors of `hpo.errors`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from hpo.seats.book import JobStatus


class Clock(Protocol):
    """Time as the manager sees it; virtual in the simulator."""

    def now(self) -> float:
        """Seconds since 1970."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait, or return early when a signal asks to leave."""
        ...


class Cluster(Protocol):
    """Where seats run."""

    @property
    def name(self) -> str:
        """The executor's name on the command line."""
        ...

    @property
    def has_queue(self) -> bool:
        """Whether seats may wait in a queue of the cluster's own."""
        ...

    @property
    def tick_s(self) -> float:
        """How often the manager looks at the files."""
        ...

    @property
    def poll_s(self) -> float:
        """Least time between two polls."""
        ...

    @property
    def result_grace_s(self) -> float:
        """How late the files of an ended job may become visible."""
        ...

    @property
    def vanish_s(self) -> float:
        """How long a job may be missing from the lists before it is given up."""
        ...

    @property
    def capacity(self) -> int | None:
        """Seats that can run at once, where the cluster knows; None: ask for any."""
        ...

    def preflight(self) -> list[str]:
        """Problems that would make every submission fail, as sentences; submits nothing."""
        ...

    def submit(
        self,
        count: int,
        *,
        at_once: int,
        mem_mb: int = 0,
        time_min: int = 0,
        avoid: Collection[str] = (),
    ) -> list[str]:
        """Ask for `count` seats, of which at most `at_once` run at a time; their job ids.

        `mem_mb` is the memory of each (MB), `time_min` the time limit (min); 0: what the settings
        say. None runs on a node in `avoid`, where the cluster has more than one. They may be fewer
        than asked for, or none, where there is no room at this moment.

        Raises:
            SubmissionError: refused as invalid.
            SubmissionLimitError: refused for now.
            SubmissionUncertainError: not answered; the seats may exist.
        """
        ...

    def raise_memory(self, job_ids: Collection[str], mem_mb: int) -> None:
        """Give waiting seats `mem_mb`, in their place in the queue.

        Raises:
            PollError: not all of them have it: one may have started.
        """
        ...

    def shrink(self, job_ids: Collection[str], *, mem_mb: int, time_min: int) -> None:
        """Let waiting seats ask for less memory and time, in their place in the queue; 0: as is.

        One that has started meanwhile may get the shorter limit, and is asked to leave before it.

        Raises:
            PollError: nobody knows which of them do.
        """
        ...

    def limit_array(self, array: str, at_once: int) -> None:
        """Let at most `at_once` seats of an array run from now on; what runs already goes on.

        Raises:
            PollError: the limit may not hold.
        """
        ...

    def poll(self, job_ids: Collection[str]) -> Mapping[str, JobStatus]:
        """Every live job of the campaign, and the end of each of `job_ids` known to be over.

        Raises:
            PollError: no news.
        """
        ...

    def avoid_nodes(self, job_ids: Collection[str], nodes: Collection[str]) -> None:
        """Keep seats that wait off these nodes, and off no others that they were kept off before.

        Raises:
            PollError: some of them may not have been told.
        """
        ...

    def cancel_queued(self, job_ids: Collection[str]) -> None:
        """Take seats out of the queue; one that has started meanwhile is left alone."""
        ...

    def cancel(self, job_ids: Collection[str]) -> None:
        """End jobs, waiting or running, at once.

        Raises:
            PollError: nobody can say whether they were ended.
        """
        ...

    def last_words(self, job_id: str) -> str:
        """The last lines that a job printed, for people; empty where there are none."""
        ...

    def is_job_gone(self, job_id: str) -> bool | None:
        """Whether any job (a manager's, say) is over for good; None: the cluster did not answer."""
        ...
