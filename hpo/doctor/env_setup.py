"""What `env_setup` does on this machine: tried in a shell of its own, of which nothing stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hpo.seats.environment import trial_run

LINE_SHOWN = 200
TIMEOUT_S = 60.0  # an environment on a slow network filesystem takes some seconds


@dataclass(frozen=True, slots=True)
class Tried:
    """How the lines went: those that failed, what was printed last, the Python chosen."""

    failed: tuple[str, ...]
    last_words: tuple[str, ...]
    python: str | None


def try_env_setup(env_setup: Sequence[str], timeout_s: float = TIMEOUT_S) -> Tried:
    """Run the lines in a shell of their own; nothing of it stays behind."""
    with tempfile.TemporaryDirectory(prefix="hpo_env_") as folder:
        told, noise = Path(folder, "told"), Path(folder, "noise")
        script = f"exec 3>{told}\n{trial_run(env_setup, sys.executable)}"
        with noise.open("wb") as output:
            child = subprocess.Popen(
                ["bash", "-c", script, "env_setup"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            with suppress(subprocess.TimeoutExpired):  # then what it told so far is all
                child.wait(timeout=timeout_s)
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        lines = _lines(told)
        python = [line.removeprefix("python: ") for line in lines if line.startswith("python: ")]
        failed = [line.removeprefix("failed: ") for line in lines if line.startswith("failed: ")]
        printed = _lines(noise)
    last_words = tuple(line[:LINE_SHOWN] for line in printed[-len(failed) :]) if failed else ()
    return Tried(tuple(dict.fromkeys(failed)), last_words, next(iter(python), None))


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]
