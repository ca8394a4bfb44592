"""Jobs that SLURM requeues may not start for two minutes; GPUs that are free are used at once."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

pytestmark = pytest.mark.slurm

AT_ONCE = 4


def test_others_run_in_their_place_and_never_more_than_allowed(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=AT_ONCE, epochs=24, epoch_s=0.5)
    config = project.folder / "search.py"
    text = config.read_text().replace('"poll_interval": 5', '"poll_interval": 60')
    config.write_text(text.replace('jobs": 8', f'jobs": {AT_ONCE}'))
    command = [sys.executable, "-m", "hpo", "run", "--config", "search.py"]
    claims = project.output / "claims"

    def running() -> list[str]:
        names = [claim.name for claim in claims.glob("*.job_*.json")]
        return [name for name in names if ".done" not in name]

    with (tmp_path / "log").open("w") as log:
        manager = subprocess.Popen(command, cwd=project.folder, stdout=log, stderr=log)
    most = 0
    try:
        wait_until(lambda: len(running()) == AT_ONCE, 60, "four trials run")
        jobs = [name.split(".job_")[1].split(".")[0] for name in running()]
        slurm.run("scontrol", "requeue", ",".join(jobs[:2]))
        begin = time.monotonic()
        wait_until(lambda: len(list(claims.glob("*.a1.*"))) == 2, 45, "both trials run again")
        idle_s = time.monotonic() - begin
        while manager.poll() is None:
            assert time.monotonic() < begin + 120
            own = slurm.run("squeue", "-h", "-r", "-t", "R", "-o", "%Z").splitlines()
            most = max(most, own.count(str(project.folder)))
            time.sleep(0.5)
    finally:
        manager.kill()
        manager.wait()
    assert [result["status"] for result in project.results()] == ["completed"] * AT_ONCE
    assert idle_s < 45, "SLURM itself would let them start after 120 s"
    assert 2 <= most <= AT_ONCE


@pytest.mark.long
@pytest.mark.parametrize("how", ["moved", "deleted"])
def test_a_campaign_whose_folder_is_gone_ends_with_all_its_jobs(
    slurm: RealSlurm, tmp_path: Path, how: str
) -> None:
    project = Project(tmp_path / "project", n_trials=20, epochs=100, epoch_s=1.0)
    manager = project.sbatch("--open-mode=append")
    wait_until(lambda: project.log(manager).count("started, job") >= 4, 60, "trials run")
    begin = time.monotonic()
    if how == "moved":
        project.output.rename(project.folder / "elsewhere")
    else:
        subprocess.run(["rm", "-rf", str(project.output)], check=False)
    wait_until(lambda: "any more: it" in project.log(manager), 60, "the manager says so")
    assert time.monotonic() - begin < 60
    ours = str(project.folder)
    wait_until(
        lambda: ours not in slurm.run("squeue", "-h", "-o", "%Z").splitlines(), 60, "no job is left"
    )
    assert not (project.output / "campaign.json").exists()
