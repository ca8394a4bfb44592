"""How long legs of the campaign usually report nothing at most, for jobs that watch their trial.

`jobs/silence.json` is written by the manager when that changes. A file that cannot be read is no
news.
"""

from __future__ import annotations

from hpo.folder.files import Layout, publish_json, read_object

MOST_S = 1e9  # more is no time that anybody wrote


def publish(layout: Layout, longest_s: float) -> None:
    """Tell it (s).

    Raises:
        OSError: it cannot be written.
    """
    publish_json(layout.silence, {"longest_s": longest_s}, durable=False)


def read(layout: Layout) -> float | None:
    """What was told (s); None: nothing."""
    told = read_object(layout.silence).get("longest_s")
    if not isinstance(told, (int, float)) or isinstance(told, bool) or not 0 <= told < MOST_S:
        return None
    return float(told)
