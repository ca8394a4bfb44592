"""The file that a job reads first, also for a job whose submission was not answered.

submitit names it after the job, once sbatch has told the job's id. Where that answer never came
(sbatch timed out, or the manager died in between), the job exists, waits a minute for its file and
dies. Seats are all alike, so whoever sees such a job can give it the file. Owns these files, and
submits nothing.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from hpo.worker import run_slurm_seat

log = logging.getLogger(__name__)

SUFFIX = "_submitted.pkl"  # submitit's


class SeatPickles:
    """The files in `folder` for the jobs of the campaign in `root`."""

    def __init__(self, folder: Path, root: str) -> None:
        self._folder = folder
        self._root = root
        self._known: set[str] | None = None  # job ids; None: the folder was not looked at yet

    def note(self, job_ids: Iterable[str]) -> None:
        """These jobs have their files, from submitit."""
        if self._known is not None:
            self._known.update(job_ids)

    def give(self, job_ids: Iterable[str]) -> None:
        """Write the file for each of these jobs that has none; later, where that fails now."""
        try:
            if self._known is None:
                names = os.listdir(self._folder)  # noqa: PTH208  # because names are enough
                self._known = {n.removesuffix(SUFFIX) for n in names if n.endswith(SUFFIX)}
            missing = sorted(set(job_ids) - self._known)
            for job_id in missing:
                self._write(job_id)
                self._known.add(job_id)
        except OSError as err:
            log.warning("the files of jobs that nobody knew of cannot be written: %s", err)
            return
        if missing:
            log.info(
                "%d jobs whose submission was not answered are used all the same", len(missing)
            )

    def _write(self, job_id: str) -> None:
        from submitit.core.utils import DelayedSubmission  # because few managers need it

        temporary = self._folder / f".{job_id}.{secrets.token_hex(4)}.tmp"
        DelayedSubmission(run_slurm_seat, self._root).dump(temporary)
        temporary.rename(self._folder / f"{job_id}{SUFFIX}")
