"""The nodes that no more legs are to be run on, for seats that are there already.

`jobs/quarantined.json` is written by the manager when that changes. A file that cannot be read is
no news.
"""

from __future__ import annotations

from collections.abc import Mapping

from hpo.folder.files import Layout, publish_json, read_object


def publish(layout: Layout, until: Mapping[str, float]) -> None:
    """Tell the nodes, and until when (s, Unix).

    Raises:
        OSError: it cannot be written.
    """
    publish_json(layout.quarantined, {"nodes": dict(until)})


def is_quarantined(layout: Layout, node: str, now: float) -> bool:
    """Whether no more legs are to be run on `node`."""
    nodes = read_object(layout.quarantined).get("nodes")
    until = nodes.get(node) if isinstance(nodes, dict) else None
    return isinstance(until, (int, float)) and now < until
