"""Whether the manager of a campaign lives, as far as this machine can tell, in words."""

from __future__ import annotations

import socket

from hpo.cli.clusters import job_gone_asker
from hpo.manager.lock import Holder


def is_alive(holder: Holder, executor: str) -> bool | None:
    """Whether the holder of a campaign's lock lives; None: nobody here can say."""
    if holder.host == socket.gethostname():
        import psutil  # because it is known without it in most cases

        return bool(psutil.pid_exists(holder.pid))
    if holder.job_id is None:
        return None
    gone = job_gone_asker(executor)(holder.job_id)
    return None if gone is None else not gone


def describe_manager(holder: Holder | None, executor: str) -> str:
    """A sentence for people."""
    if holder is None:
        return "no manager runs"
    alive = is_alive(holder, executor)
    if alive is None:
        return f"the manager is {holder}; whether it lives cannot be seen from here"
    return f"the manager lives ({holder})" if alive else f"the manager is dead ({holder})"
