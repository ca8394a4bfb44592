"""What may be ordered of a cluster for its seats.

Owns the orders as values: `seats.next_orders` gives them, a cluster carries them out, and
`seats.book` knows what follows. Each is one call to the cluster, and says in words what is so once
it is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass

from hpo.units.sizes import DEFAULT_SIZE, Size


@dataclass(frozen=True, slots=True)
class Submit:
    """Ask for `count` seats, of which at most `at_once` run at a time, on no node in `avoid`."""

    count: int
    at_once: int
    size: Size = DEFAULT_SIZE
    avoid: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Raise:
    """Give waiting seats more memory (MB), in their place in the queue."""

    job_ids: tuple[str, ...]
    mem_mb: int

    def __str__(self) -> str:
        return f"jobs that wait get {self.mem_mb} MB: {', '.join(self.job_ids)}"


@dataclass(frozen=True, slots=True)
class Shrink:
    """Let waiting seats ask for less, in their place in the queue; what `size` leaves open stays.

    One that has started meanwhile may get the shorter limit, and is asked to leave before it.
    """

    job_ids: tuple[str, ...]
    size: Size

    def __str__(self) -> str:
        return f"{len(self.job_ids)} jobs that wait ask for {self.size} each from now on"


@dataclass(frozen=True, slots=True)
class Renew:
    """Let waiting seats ask for what the settings say now, in their place in the queue.

    Those that were asked for with memory or time of their own keep that.
    """

    job_ids: tuple[str, ...]

    def __str__(self) -> str:
        return f"{len(self.job_ids)} jobs that wait ask for what the settings say now"


@dataclass(frozen=True, slots=True)
class LimitArray:
    """Let at most `at_once` seats of an array run from now on; what runs already goes on."""

    array: str
    at_once: int

    def __str__(self) -> str:
        return f"of the waiting jobs of {self.array}, {self.at_once} may run at once"


@dataclass(frozen=True, slots=True)
class Avoid:
    """Keep waiting seats off these nodes, and off no others that they were kept off before."""

    job_ids: tuple[str, ...]
    nodes: frozenset[str]

    def __str__(self) -> str:
        off = (
            f"keep off {', '.join(sorted(self.nodes))}" if self.nodes else "may use any node again"
        )
        return f"{len(self.job_ids)} jobs that wait {off}"


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take seats out of the queue; what has started meanwhile ends too only if it is `running`."""

    job_ids: tuple[str, ...]
    why: str = ""
    running: bool = False

    def __str__(self) -> str:
        which = "jobs" if self.running else "waiting jobs"
        return f"{len(self.job_ids)} {which} are cancelled: {self.why}"


Change = Raise | Shrink | Renew | LimitArray | Avoid | Cancel
Order = Submit | Change


def array_of(job_id: str) -> str:
    """The array that a job is a task of; a job that is none stands for itself."""
    return job_id.partition("_")[0]
