"""Limits on submitted jobs, used up by somebody else of the account, on a real SLURM."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

ACCOUNT = "tight"
LIMIT = 4


@pytest.fixture
def tight_account(slurm: RealSlurm) -> Iterator[str]:
    """An account that may have four jobs; its own, because other tests submit meanwhile."""
    slurm.run("sacctmgr", "-iQ", "add", "account", ACCOUNT, f"GrpSubmitJobs={LIMIT}", check=False)
    slurm.run("sacctmgr", "-iQ", "add", "user", "root", f"Account={ACCOUNT}", check=False)
    yield ACCOUNT
    slurm.run("scancel", f"--account={ACCOUNT}")


def test_a_campaign_waits_while_other_jobs_use_up_the_limit(
    slurm: RealSlurm, tight_account: str, tmp_path: Path
) -> None:
    command = ["sbatch", "--parsable", "-A", tight_account, "--begin=now+1hour", "--wrap=true"]
    others = [slurm.run(*command).strip() for _ in range(LIMIT)]
    project = Project(tmp_path / "project", n_trials=6, epochs=1)
    config = (project.folder / "search.py").read_text()
    # The manager itself is of another account.
    with_account = config.replace('"gpus": 1', f'"gpus": 1, "account": "{tight_account}"')
    (project.folder / "search.py").write_text(with_account)
    manager = project.sbatch()
    wait_until(lambda: "no more jobs for now" in project.log(manager), 60, "it is refused")
    assert "SLURM refused the job" not in project.log(manager)
    slurm.run("scancel", *others)
    wait_until(project.final, 240, "the campaign goes on when there is room")
    project.require_all_once()
    # Six trials through four places, three of them at first: half of what was refused.
    assert "AssocGrpSubmitJobsLimit" in project.log(manager)
    done = subprocess.run(["squeue", "-h", "-A", tight_account], capture_output=True, check=True)
    assert done.stdout == b""
