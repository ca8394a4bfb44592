"""The command that trains a configuration with a user's script: its words and its environment.

Owns how a value becomes text for `argparse`, and what the script can import. Starts nothing.
"""

from __future__ import annotations

import json
import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# The second is how Syne Tune's own scripts accept the first without naming it.
_ACCEPTS_CHECKPOINTS = (b"st_checkpoint_dir", b"add_checkpointing_to_argparse")


def command(script: Path, config: Mapping[str, Any], checkpoint_dir: Path | None) -> list[str]:
    """The words of `python script --name value …`; never for a shell."""
    words = [sys.executable, str(script)]
    for name, value in config.items():
        words += _option(name, as_text(value))
    if checkpoint_dir is not None:
        words += _option("st_checkpoint_dir", str(checkpoint_dir.absolute()))
    return words


def as_text(value: object) -> str:
    """A hyperparameter's value as `argparse` reads it back.

    Numbers as Python writes them, so that a float comes back the same; booleans and None by their
    Python names; text as it is; lists and mappings as JSON.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple, Mapping)):
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def _option(name: str, text: str) -> list[str]:
    # In one word where argparse would take the value for another option: it does so for text with
    # a dash, and for negative numbers such as -1e-05.
    return [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]


def accepts_checkpoint_dir(source: bytes) -> bool:
    """Whether a script takes Syne Tune's option for its checkpoints, as far as its text tells."""
    return any(word in source.lower() for word in _ACCEPTS_CHECKPOINTS)


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The job's environment for the script: it imports what the job can import."""
    path = os.pathsep.join(_import_folders())
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1", **extra}


def _import_folders() -> list[str]:
    """The job's import path without what every Python of its own has.

    Those folders are left out because PYTHONPATH comes before them, where a package could hide a
    module of the standard library, and because the script may start another Python.
    """
    own = {os.path.realpath(folder) for folder in sysconfig.get_paths().values()}
    found = []
    for entry in sys.path:
        folder = os.path.realpath(entry or Path.cwd())
        is_library = Path(folder).name in ("site-packages", "dist-packages", "lib-dynload")
        if Path(folder).is_dir() and folder not in own and not is_library:
            found.append(str(Path(entry or Path.cwd()).absolute()))
    return list(dict.fromkeys(found))
