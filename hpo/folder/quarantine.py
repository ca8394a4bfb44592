"""The nodes that no more legs are to be run on, for seats that are there already.

`jobs/quarantined.json` is written by the manager when that changes. A file that cannot be read is
no news.
"""

from __future__ import annotations

from collections.abc import Mapping

from hpo.folder.files import Layout, publish_json, read_object


def publish(layout: Layout, until: Mapping[str, float]) -> None:
    """Tell the nodes, and for people until when (s, Unix).

    Raises:
        OSError: it cannot be written.
    """
    publish_json(layout.quarantined, {"nodes": dict(until)})


def told(layout: Layout) -> dict[str, float]:
    """The nodes that were told last, and until when."""
    nodes = read_object(layout.quarantined).get("nodes")
    found = nodes.items() if isinstance(nodes, dict) else ()
    return {node: until for node, until in found if isinstance(until, (int, float))}


def is_quarantined(layout: Layout, node: str) -> bool:
    """Whether no more legs are to be run on `node`: until the manager says otherwise.

    The node's own clock is not asked: it may be wrong, or that of the manager be.
    """
    return node in told(layout)
