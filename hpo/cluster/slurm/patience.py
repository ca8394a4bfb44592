"""An end to submitit's patience: an sbatch that hangs would hang the manager with it.

Owns how long sbatch may take. Changes submitit's class and not an object, because submitit makes an
executor of its own for an array.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import submitit

SUBMIT_TIMEOUT_S = 300  # sbatch itself tries again for about two minutes
KILL_AFTER_S = 10
_METHOD = "_make_submission_command"


@contextmanager
def limited_sbatch() -> Iterator[None]:
    """Run a block in which sbatch is ended after `SUBMIT_TIMEOUT_S`, without a word of its own."""
    before = getattr(submitit.SlurmExecutor, _METHOD)

    def command(executor: submitit.SlurmExecutor, script: Path) -> list[str]:
        limit = ["timeout", f"--kill-after={KILL_AFTER_S}", str(SUBMIT_TIMEOUT_S)]
        return [*limit, *before(executor, script)]

    setattr(submitit.SlurmExecutor, _METHOD, command)
    try:
        yield
    finally:
        setattr(submitit.SlurmExecutor, _METHOD, before)
