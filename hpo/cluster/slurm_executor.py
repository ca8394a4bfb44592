"""submitit's executor, with an end to its patience.

An sbatch that hangs would hang the manager with it; submitit waits for it without limit.
"""

from __future__ import annotations

from pathlib import Path

import submitit

SUBMIT_TIMEOUT_S = 300  # sbatch itself tries again for about two minutes
KILL_AFTER_S = 10


class PatientExecutor(submitit.SlurmExecutor):
    """Gives sbatch `SUBMIT_TIMEOUT_S`; submitit calls it a failed submission."""

    def _make_submission_command(self, submission_file_path: Path) -> list[str]:
        command: list[str] = super()._make_submission_command(submission_file_path)
        return ["timeout", f"--kill-after={KILL_AFTER_S}", str(SUBMIT_TIMEOUT_S), *command]
