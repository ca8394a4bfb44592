"""submitit's executor for seats: one script an array, and no pickle for each of its jobs.

Owns the call of sbatch and how long it may take: one that hangs would hang the manager with it. To
be imported where something is submitted and nowhere else, because submitit takes 0.1 s.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import submitit

LAST_SCRIPT = "submission.sh"  # in the jobs' folder
SUBMIT_TIMEOUT_S = 300  # sbatch itself tries again for about two minutes
KILL_AFTER_S = 10


class SeatExecutor(submitit.SlurmExecutor):
    """Submits a command, where submitit itself would submit a pickled function."""

    _draft: Path | None = None
    _umask = 0o022  # the user's

    def submit_seats(self, command: str, count: int) -> list[str]:
        """One sbatch for `count` jobs that run `command`; their ids.

        Raises:
            FailedJobError: sbatch failed; without a word where it was ended.
            FailedSubmissionError: it told no job id.
            OSError: it could not be called.
        """
        if count > 1:  # one job is no array, because there are clusters without arrays
            self.parameters["map_count"] = count
        self._umask = os.umask(0o022)
        os.umask(self._umask | 0o022)  # nobody else writes the script that sbatch is about to read
        try:
            job_id = str(self._submit_command(command).job_id)
        finally:
            os.umask(self._umask)
            self._remove_draft()
        # SLURM keeps a copy of its own; the last script is enough for people.
        script = Path(self.folder) / f"{job_id}_submission.sh"
        with suppress(OSError):
            script.replace(script.with_name(LAST_SCRIPT))
        return [job_id] if count == 1 else [f"{job_id}_{task}" for task in range(count)]

    def _make_submission_command(self, submission_file_path: Path) -> list[str]:
        self._draft = submission_file_path
        os.umask(self._umask)  # sbatch hands it on to the job
        limit = ["timeout", f"--kill-after={KILL_AFTER_S}", str(SUBMIT_TIMEOUT_S)]
        return [*limit, *super()._make_submission_command(submission_file_path)]

    def _remove_draft(self) -> None:
        """The script of a submission that failed; of one that went well, a link to its script."""
        if self._draft is not None:
            with suppress(OSError):  # as it must not cost the job ids
                self._draft.unlink()
