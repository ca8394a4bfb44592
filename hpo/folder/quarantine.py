"""The nodes that no more legs are to be run on, for seats that are there already.

Owns `jobs/quarantined.json`: written by the manager when that changes, read by seats that may take
several legs. A file that cannot be read is no news. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping

from hpo.folder.files import Layout, publish_json, read_json


def publish(layout: Layout, until: Mapping[str, float]) -> None:
    """Tell the nodes, and until when (s, Unix).

    Raises:
        OSError: it cannot be written.
    """
    publish_json(layout.quarantined, {"nodes": dict(until)})


def is_quarantined(layout: Layout, node: str, now: float) -> bool:
    """Whether no more legs are to be run on `node`."""
    found = read_json(layout.quarantined)
    nodes = found.get("nodes") if isinstance(found, dict) else None
    until = nodes.get(node) if isinstance(nodes, dict) else None
    return isinstance(until, (int, float)) and now < until
