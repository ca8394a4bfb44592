"""Jobs that the release before submitted and that wait still: their command lines go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from seat_runs import JOB, SeatRun
from user_project import NO_SYNC

OBJECTIVE = """
def objective(config, trial):
    trial.report(epoch=1, loss=config["x"])
"""


def test_a_job_of_0_1_0_serves_its_campaign_whatever_submitit_appended(tmp_path: Path) -> None:
    run = SeatRun(tmp_path, OBJECTIVE, {"trials_per_job": 1})
    run.offer(1)
    appended = ["-u", "-m", "submitit.core._submit", str(run.layout.jobs)]
    done = subprocess.run(
        [sys.executable, "-u", "-m", "hpo.slurm_seat", str(run.layout.root), *appended],
        env=os.environ | NO_SYNC | {"HPO_JOB_ID": JOB},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert run.done() == [0]
    assert run.losses() == [1.0]
