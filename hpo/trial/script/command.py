"""The command that trains a configuration with a user's script: its words and its environment.

Owns what the placeholders of a command line stand for in a trial, and what the script can import.
Starts nothing.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpo.command_line import PLAIN, CommandLine

# The second is how Syne Tune's own scripts accept the first without naming it.
_ACCEPTS_CHECKPOINTS = (b"st_checkpoint_dir", b"add_checkpointing_to_argparse")


def command(
    script: Path | None,
    config: Mapping[str, Any],
    *,
    python: str = sys.executable,
    line: CommandLine = PLAIN,
    config_file: Path | None = None,
    checkpoint_dir: Path | None = None,
) -> list[str]:
    """The words that train a configuration; never for a shell.

    Args:
        script: the file, where it is one of Python's.
        config: one value per hyperparameter.
        python: the interpreter.
        line: how they are made of it.
        config_file: where the configuration lies as JSON.
        checkpoint_dir: the trial's own folder; given in Syne Tune's option, where the line does
            not say how, to a script that takes that.
    """
    files = {"script": script, "config_file": config_file, "checkpoint_dir": checkpoint_dir}
    places = {name: str(path.absolute()) for name, path in files.items() if path is not None}
    words = line.fill(config, {"python": python} | places)
    if checkpoint_dir is not None and "checkpoint_dir" not in line.named:
        words += ["--st_checkpoint_dir", str(checkpoint_dir.absolute())]
    return words


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
