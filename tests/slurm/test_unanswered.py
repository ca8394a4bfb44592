"""Submissions whose answer is lost: the jobs exist, and are used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

from hpo.cluster.slurm import executor as slurm_executor
from hpo.cluster.slurm.cluster import SlurmCluster
from hpo.cluster.slurm.request import SeatRequest
from hpo.errors import SubmissionUncertainError
from hpo.folder.files import Layout
from hpo.seats.orders import Submit
from hpo.settings.search import SlurmSettings

pytestmark = pytest.mark.slurm

# The first submission of seats goes through, and its answer does not come back.
LOSES_AN_ANSWER = """#!/bin/bash
case "$*" in *--test-only*) exec {sbatch} "$@" ;; esac
if mkdir {folder}/lost 2>/dev/null; then
    {sbatch} "$@" >/dev/null
    echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2
    exit 1
fi
echo again >> {folder}/again
exec {sbatch} "$@"
"""


def put_before(folder: Path, script: str) -> None:
    folder.mkdir()
    path = folder / "sbatch"
    path.write_text(script)
    path.chmod(0o755)


@pytest.mark.slow
def test_jobs_whose_submission_was_not_answered_train_all_trials(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=16, epochs=1)
    sbatch, programs = shutil.which("sbatch"), tmp_path / "bin"
    put_before(programs, LOSES_AN_ANSWER.format(sbatch=sbatch, folder=tmp_path))
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    with (tmp_path / "out.txt").open("w") as output:
        manager = subprocess.Popen(
            [sys.executable, "-m", "hpo", "run", "--config", "search.py"],
            cwd=project.folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(project.final, 120, "the campaign ends")
        assert manager.wait(timeout=60) == 0
    finally:
        manager.kill()
        manager.wait()
    printed = (tmp_path / "out.txt").read_text()
    assert "a submission was not answered, counting the jobs first" in printed
    assert not (tmp_path / "again").exists(), "nothing had to be submitted again"
    project.require_all_once()


def test_an_sbatch_that_hangs_is_given_up_and_no_answer(
    slurm: RealSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_before(tmp_path / "bin", "#!/bin/bash\nexec sleep 60\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(slurm_executor, "SUBMIT_TIMEOUT_S", 1)
    layout = Layout(tmp_path / "c")
    layout.create()
    request = SeatRequest(SlurmSettings())
    cluster = SlurmCluster(layout, "search", request, poll_s=1.0, result_grace_s=1.0)
    for count in (1, 2):
        with pytest.raises(SubmissionUncertainError, match="sbatch said nothing"):
            cluster.submit(Submit(count, 1))
