"""What `env_setup` does where the manager runs: tried once, and told in the campaign's log.

The trials are run all the same: nodes may have what this machine lacks.
"""

from __future__ import annotations

import logging
import socket
import sys

from hpo.doctor.env_setup import try_env_setup
from hpo.settings.secrecy import redacted
from hpo.settings.slurm import SlurmSettings

log = logging.getLogger(__name__)


def tell_environment(slurm: SlurmSettings) -> None:
    """Try the lines, and say what a user should know of it."""
    if not slurm.env_setup:
        return
    tried = try_env_setup(slurm.env_setup)
    if tried.failed:
        words = " | ".join(tried.last_words)
        log.warning(
            "env_setup failed on %s: %s%s. Jobs go on without what failed: look that they train in "
            "the right environment",
            socket.gethostname(),
            redacted("; ".join(tried.failed), slurm.env_setup),
            redacted(f", after {words!r}" if words else "", slurm.env_setup),
        )
    if slurm.python is None and tried.python not in (None, sys.executable):
        log.info("trials run with %s, as env_setup chooses", tried.python)
