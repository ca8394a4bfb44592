"""What a job noticed that the manager should say once, while the trial runs.

`jobs/remark-<kind>.json`: the first job that notices writes it, the manager says it, and removes it
at its next start. One file for each kind, however many jobs there are.
"""

from __future__ import annotations

import contextlib
import os

from hpo.folder import opening
from hpo.folder.files import Layout, read_object, to_json

GPU_UNUSED = "gpu-unused"
SLOW_SAVING = "slow-saving"
KINDS = (GPU_UNUSED, SLOW_SAVING)
MOST_CHARACTERS = 500


def leave(layout: Layout, kind: str, text: str) -> None:
    """Write it, unless some job has; that it cannot be written is no harm."""
    with contextlib.suppress(OSError):
        file = opening.open_new(layout.remark(kind))
        try:
            os.write(file, to_json({"text": text[:MOST_CHARACTERS]}).encode())
        finally:
            os.close(file)


def read(layout: Layout, kind: str) -> str | None:
    """What was noticed; None: nothing, as far as can be seen now."""
    # Not Path.exists, which raises when the file server is away.
    if not os.path.exists(layout.remark(kind)):
        return None
    text = read_object(layout.remark(kind)).get("text")
    if not isinstance(text, str):
        return None
    return "".join(c if c.isprintable() else "?" for c in text[:MOST_CHARACTERS])


def forget(layout: Layout) -> None:
    """Remove those of earlier starts."""
    for kind in KINDS:
        with contextlib.suppress(OSError):
            opening.remove(layout.remark(kind))
