"""A notebook's campaign on the real SLURM, whose kernel is killed in mid-campaign."""

from __future__ import annotations

from pathlib import Path

import pytest
from campaigns import wait_until
from conftest import RealSlurm
from notebook_runs import kernel, number_of, read

import hpo

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # of what Jupyter does in this process
]


@pytest.mark.long
def test_the_campaign_outlives_its_kernel_and_another_comes_back(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    notebook = read()
    objective = notebook.cells[number_of(notebook, "def objective")]
    slower = "        __import__('time').sleep(1)\n        report(epoch"
    objective.source = objective.source.replace("        report(epoch", slower)
    started = number_of(notebook, "campaign.submit()")
    with kernel(notebook, tmp_path) as first:
        first.run_cells(range(started + 1))
        root = tmp_path / "hpo_results" / "spirals_random"
        wait_until(lambda: list(root.glob("trials/*/reports-a*.jsonl")), 240, "a trial reports")
        assert len(list(root.glob("results/*.json"))) < 8
        first.kill()
    other = read()
    with kernel(other, tmp_path) as second:
        second.run("import hpo\nrun = hpo.attach('hpo_results/spirals_random')")
        (before,) = second.run("run")
        assert "running" in before["data"]["text/plain"]
        assert "manager job" in before["data"]["text/plain"]
        (after,) = second.run("run.wait(timeout=240)")
        assert "ended: all trials ended" in after["data"]["text/plain"]
    results = hpo.load_campaign(root)
    assert results.trials.status.tolist() == ["completed"] * 8
    assert len(results.reports) == 8 * 12
    assert list(tmp_path.glob("hpo_manager_*.out"))
