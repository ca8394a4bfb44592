"""Says which trial a job runs: in the job's log, its environment, beside the trial, and to squeue.

Owns the variables that tell users' code of its trial, the link from a trial's folder to the log of
its job, and the job's name. Nothing here may stop a trial from running. Standard library only.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from hpo.folder import offers, opening
from hpo.folder.files import Layout
from hpo.seats.job_identity import JobIdentity

log = logging.getLogger(__name__)


def announce(
    layout: Layout,
    claim: offers.Leg,
    config: dict[str, Any],
    campaign: str,
    job: JobIdentity,
    *,
    rename: bool = True,
) -> None:
    """Say which trial runs here: in log and environment, beside the trial, as the job's name.

    `rename` costs a call to the scheduler.
    """
    log.info(
        "trial %d, attempt %d, job %s on %s, %d CPUs, GPUs %s: %s",
        claim.trial_id,
        claim.attempt,
        job.job_id,
        job.host,
        _cpus(),
        os.environ.get("CUDA_VISIBLE_DEVICES", "as found"),
        config,
    )
    files = layout.users_files(claim.trial_id)
    os.environ["HPO_TRIAL_ID"] = str(claim.trial_id)
    os.environ["HPO_ATTEMPT"] = str(claim.attempt)
    os.environ["HPO_TRIAL_DIR"] = str(layout.trial(claim.trial_id).absolute())
    os.environ["HPO_CHECKPOINT_DIR"] = str(files.absolute())
    link = layout.job_link(claim.trial_id, job.job_id)
    folder, log_file = link.parent, layout.job_log(job.job_id, on_slurm=job.on_slurm)
    try:
        opening.make_folder(files, parents=2)
        if not link.is_symlink():
            with opening.opened(folder) as home:
                os.symlink(os.path.relpath(log_file, folder), link.name, dir_fd=home)
    except OSError as err:
        log.warning("the folder %s, or the link to this log there, cannot be made: %s", folder, err)
    if job.on_slurm and rename:
        _rename_job(job.job_id, f"trial_{claim.trial_id}.{campaign}")


def enter_own_folder(layout: Layout, claim: offers.Leg) -> None:
    """Let the trial run in a folder of its own; where the job was is told in the environment.

    Raises:
        OSError: the folder cannot be made or entered.
    """
    os.environ.setdefault("HPO_START_DIR", str(Path.cwd()))
    folder = layout.work(claim.trial_id)
    opening.make_folder(folder, parents=1)
    os.chdir(folder)


def devices() -> dict[str, Any]:
    """What the attempt's own file says of the process that runs it."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return {"pid": os.getpid(), "cpus": _cpus()} | ({"gpus": visible} if visible else {})


def _rename_job(job_id: str, name: str) -> None:
    """Let squeue show the trial; not waited for, and no harm if it fails."""
    try:
        # Not by subprocess, whose import would cost each job more than the call.
        os.posix_spawnp(
            "scontrol",
            ["scontrol", "update", f"jobid={job_id}", f"name={name}"],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)],
            setpgroup=0,
        )
    except OSError:
        log.info("scontrol is not on this node: the job keeps its name")


def _cpus() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1
