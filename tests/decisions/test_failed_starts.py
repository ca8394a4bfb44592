"""Which nodes are left because jobs cannot start there, and when nothing follows from that."""

from __future__ import annotations

from hpo.decisions.failed_starts import CACHED_S, REST_S, FailingNode, nodes_to_leave

NOW = 1000.0
HOUR_S = 3600.0


def failing(
    node: str = "n2",
    *,
    first: float = 900.0,
    last: float = 910.0,
    tries: int = 2,
    files: bool = False,
) -> FailingNode:
    return FailingNode(node, first, last, tries, "line 1 fails", of_files=files)


def left(
    nodes: list[FailingNode], up: dict[str, float], out: tuple[str, ...] = ()
) -> list[tuple[str, float]]:
    return [(told.node, told.until - NOW) for told in nodes_to_leave(nodes, up, out, NOW)]


def test_a_node_that_fails_again_after_another_one_started_is_left() -> None:
    assert left([failing()], {"n1": 905.0}) == [("n2", HOUR_S)]
    (told,) = nodes_to_leave([failing()], {"n1": 905.0}, (), NOW)
    assert told.reason == "jobs cannot start there, while they do on n1: line 1 fails"


def test_one_try_or_a_start_before_or_after_says_nothing() -> None:
    assert left([failing(tries=1)], {"n1": 905.0}) == []
    assert left([failing()], {"n1": 899.0}) == []  # what is away now was there then
    assert left([failing()], {"n1": 911.0}) == []  # it may be back everywhere
    assert left([failing()], {"n2": 905.0}) == []


def test_a_file_may_be_back_later_on_a_node_that_looked_before() -> None:
    at = 905.0
    late = failing(last=at + CACHED_S + 1.0, files=True)
    assert left([failing(files=True)], {"n1": at}) == []
    assert left([late], {"n1": at}) == [("n2", HOUR_S)]


def test_never_more_than_half_of_the_nodes_and_none_twice() -> None:
    several = [failing("n2"), failing("n3"), failing("n4")]
    assert left(several, {"n1": 905.0}) == [("n2", HOUR_S), ("n3", HOUR_S)]
    assert left([failing()], {"n1": 905.0}, out=("n2",)) == []


def test_a_node_that_fails_alone_rests_so_that_others_are_tried() -> None:
    alone = failing(last=925.0)
    assert left([alone], {}) == [("n2", REST_S)]
    assert left([failing(last=915.0)], {}) == []
    assert left([alone, failing("n3")], {}) == []  # no matter of a node
    assert left([alone], {}, out=("n1",)) == []  # one rests already: it is the same there
