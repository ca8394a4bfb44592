"""One state of trial 7, saved and loaded as the program does it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from hpo.checkpoint import store as checkpoint


class Holder:
    """Holds any state."""

    def __init__(self, state: Any = None) -> None:
        self.state = state

    def state_dict(self) -> Any:
        return self.state

    def load_state_dict(self, state: Any) -> None:
        self.state = state


def save(folder: Path, resource: int, state: Any = "state", attempt: int = 0) -> Path:
    return checkpoint.save(
        folder, resource=resource, trial_id=7, attempt=attempt, objects={"model": Holder(state)}
    )


def load(folder: Path) -> tuple[int, Any] | None:
    model = Holder()
    found = checkpoint.load_newest(folder, 7, {"model": model})
    return (found.resource, model.state) if found else None


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "checkpoint").iterdir())


def seal(folder: Path, **changes: Any) -> None:
    """Write the manifest anew, with the checksums of what lies there now."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["sha256"] = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
        if path.name != "manifest.json"
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes))
