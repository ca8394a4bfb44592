"""Which nodes jobs cannot start on: told apart from an environment that is away everywhere.

A job whose start fails holds its place and tries again, so nothing is lost while nobody knows. A
node is left alone when it fails once more after another one has started a job; where only one node
fails and nothing has started since, it rests for some minutes, so that its jobs try elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hpo.decisions.node_blame import LARGEST_SHARE, QUARANTINE
from hpo.record import events as ev

TRIES = 2  # of a job, before anything follows from it
CACHED_S = 60.0  # a file that is back may be missing for so long on a node that looked before
ALONE_S = 20.0  # one node fails alone for so long: its jobs try elsewhere
REST_S = 300.0


@dataclass(frozen=True, slots=True)
class FailingNode:
    """A node with jobs that cannot start: since when, when last, at most how many tries.

    Times in s, Unix. `of_files`: what is missing there is a file, which may be late only.
    """

    node: str
    since: float
    last: float
    tries: int
    why: str
    of_files: bool


def nodes_to_leave(
    failing: Sequence[FailingNode],
    up: Mapping[str, float],
    out: Collection[str],
    now: float,
) -> Iterator[ev.NodeQuarantined]:
    """The nodes that no more jobs are to start on.

    Args:
        failing: the nodes with jobs that try to start.
        up: when a job last started well, by node (s, Unix).
        out: the nodes that are left alone already.
        now: the time (s, Unix).
    """
    names = {node.node for node in failing}
    known = names | up.keys() | set(out)
    leaving = set(out)
    for node in failing:
        if node.node in leaving or node.tries < TRIES:
            continue
        wait_s = CACHED_S if node.of_files else 0.0
        elsewhere = [
            other
            for other, at in up.items()
            if other not in names and at >= node.since and node.last > at + wait_s
        ]
        if elsewhere and len(leaving) + 1 <= LARGEST_SHARE * len(known):
            leaving.add(node.node)
            reason = f"jobs cannot start there, while they do on {elsewhere[0]}: {node.why}"
            yield ev.NodeQuarantined(now, node.node, now + QUARANTINE.first_s, reason)
        elif not out and not elsewhere and len(names) == 1 and node.last - node.since >= ALONE_S:
            reason = f"jobs cannot start there, and try other nodes: {node.why}"
            yield ev.NodeQuarantined(now, node.node, now + REST_S, reason)
