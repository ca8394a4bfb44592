"""A job on a real SLURM whose time limit was lowered while it waited."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from cluster_bench import Bench

from hpo.cluster.slurm.cluster import SlurmCluster
from hpo.cluster.slurm.request import SeatRequest
from hpo.folder.files import read_json
from hpo.seats.orders import Shrink, Submit
from hpo.settings.search import SlurmSettings
from hpo.units.sizes import Size

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.long]

OBJECTIVE = """
import time
from pathlib import Path

def objective(config, trial):
    trial.restore(state={})
    for epoch in range(1, 1000):
        time.sleep(0.5)
        trial.report(epoch=epoch, validation_error=0.5)
        if trial.trial_id == 0 and Path(__file__).with_name("go").exists():
            return
"""


@pytest.mark.usefixtures("slurm")
def test_it_uses_the_time_that_is_left_and_saves_before_its_end(tmp_path: Path) -> None:
    """SLURM warns it as early as it would have with its first limit: at its start."""
    bench = Bench("slurm", tmp_path)
    (tmp_path / "train.py").write_text(OBJECTIVE)
    request = SeatRequest(SlurmSettings(partition="main", time="auto", max_time="20", mem="300M"))
    bench.cluster = SlurmCluster(bench.layout, bench.name, request, poll_s=1.0, result_grace_s=1.0)
    job_ids = bench.cluster.submit(Submit(2, 1, Size(time_min=20)))
    bench.submitted += job_ids
    bench.offer(2, target=999)
    bench.wait(bench.claims, "the first job takes its leg")
    bench.cluster.change(Shrink((job_ids[1],), Size(time_min=2)))
    (tmp_path / "go").touch()
    result = bench.layout.trial(1) / "result-a0.json"
    begin = time.monotonic()
    while read_json(result) is None and time.monotonic() < begin + 200.0:
        time.sleep(1.0)
    found = read_json(result)
    assert found is not None
    assert found["job_id"] == job_ids[1], "the one that was shrunk"
    assert found["status"] == "interrupted"
    # Two minutes, less the 30 s before their end in which to save.
    assert 75.0 < found["additional_info"]["leg_time"] < 100.0
    assert bench.wait_for_end(job_ids[1]).ok
    bench.clean_up()
