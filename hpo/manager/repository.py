"""The commit that the objective's files are of, and whether they differ from it: git is asked.

Owns the calls of git: at a start only, within a time, reading only. Nothing that a repository's own
configuration names is run (filters of diffs, a monitor of files), and git's refusal of a folder
that belongs to somebody else stands. Where nobody can say, it is None.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

TIMEOUT_S = 10.0
_SAFELY = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]


def state_of(files: Sequence[Path], timeout_s: float = TIMEOUT_S) -> dict[str, Any] | None:
    """Commit, whether the files differ from it, and a digest of how; None: no repository, no git.

    Where git refuses, `refused` has its words and nothing else is told.
    """
    folder, names = files[0].parent, [str(file) for file in files]
    try:
        code, commit = _git(folder, ["rev-parse", "--verify", "HEAD"], timeout_s)
        if code:
            return {"refused": commit[:500]} if "dubious ownership" in commit else None
        code, changed = _git(folder, ["status", "--porcelain", "--", *names], timeout_s)
        if code:
            return {"commit": commit, "dirty": None, "diff": None}
        plain = ["diff", "--no-ext-diff", "--no-textconv", "HEAD", "--", *names]
        code, diff = _git(folder, plain, timeout_s)
    except (OSError, subprocess.SubprocessError):
        return None
    digest = hashlib.sha256(diff.encode("utf-8", "surrogateescape")).hexdigest()[:12]
    return {"commit": commit, "dirty": bool(changed), "diff": digest if diff and not code else None}


def _git(folder: Path, words: list[str], timeout_s: float) -> tuple[int, str]:
    """Exit code, and what it said (stderr where it failed)."""
    done = subprocess.run(
        ["git", *_SAFELY, *words],
        cwd=folder,
        env=os.environ | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=timeout_s,
    )
    text = done.stderr if done.returncode else done.stdout
    return done.returncode, text.decode("utf-8", "surrogateescape").strip()
