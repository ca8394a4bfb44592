"""Mail by SLURM itself, for the job that this process is."""

from __future__ import annotations

import os

from hpo.cluster.slurm.commands import ask
from hpo.errors import PollError

TIMEOUT_S = 20.0
WHEN = "END,FAIL"


def ask_for_mail() -> str | None:
    """Let SLURM write to the user when this job ends; why it will not, None: it will.

    A job that is put back into the queue has not ended, so that nobody is told of a preemption.
    """
    job_id = os.environ.get("SLURM_JOB_ID")
    if not job_id:
        return "the manager is no job of SLURM; start it by sbatch"
    try:
        ask(["scontrol", "update", f"JobId={job_id}", f"MailType={WHEN}"], timeout_s=TIMEOUT_S)
    except PollError as err:
        return str(err)
    return None
