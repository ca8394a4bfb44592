"""Mail by a real SLURM, which the job of a manager asks for itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]


def test_the_managers_job_asks_for_mail(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", n_trials=2)
    search = project.folder / "search.py"
    search.write_text(
        search.read_text().replace('"seed": 7', '"seed": 7, "notify": {"mail": True}')
    )
    manager = project.sbatch("--mail-type=NONE")
    wait_until(lambda: project.starts(), 120, "a trial runs")
    assert "MailType=END,FAIL" in slurm.run("scontrol", "show", "job", manager)
    wait_until(project.final, 120, "it ends")
    assert "no mail will come" not in project.log(manager)
