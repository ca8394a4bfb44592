"""What an array leaves in the folder of its jobs, on a real SLURM: shared storage counts files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_bench import Bench
from conftest import RealSlurm

from hpo.errors import SubmissionError
from hpo.seats.orders import Submit
from hpo.units.sizes import Size

pytestmark = pytest.mark.slurm


@pytest.fixture
def bench(slurm: RealSlurm, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench("slurm", tmp_path)
    yield bench
    bench.clean_up()


def files(bench: Bench) -> list[str]:
    """Without those that a campaign has once, however many arrays."""
    once = {"start.sh", "starts", "ground.json", "asked.json"}
    return sorted({path.name for path in bench.layout.jobs.iterdir()} - once)


@pytest.mark.parametrize("count", [1, 3])
def test_an_array_is_one_script_and_the_logs_that_trials_point_to(bench: Bench, count: int) -> None:
    bench.offer(count)
    job_ids = bench.submit(count)
    array = job_ids[0].partition("_")[0]
    assert job_ids == ([array] if count == 1 else [f"{array}_{task}" for task in range(count)])
    script = "submission.sh"
    assert [name for name in files(bench) if not name.endswith("_log.out")] == [script]
    for job_id in job_ids:
        assert bench.wait_for_end(job_id).ok
    logs = {job_id: bench.layout.jobs / f"{job_id}_0_log.out" for job_id in job_ids}
    assert files(bench) == sorted([script, *(path.name for path in logs.values())])
    for leg in bench.claims():
        link = bench.layout.trial(leg.trial_id) / f"job_{leg.job_id}.out"
        assert link.resolve() == logs[leg.job_id or ""].resolve()
        assert f"trial {leg.trial_id}, attempt 0" in link.read_text()
    assert len(bench.claims()) == count


def test_of_many_arrays_the_last_script_stays_and_no_log_of_a_job_that_ran_nothing(
    bench: Bench,
) -> None:
    bench.offer(1)
    job_ids = [*bench.submit(2), *bench.submit(1)]
    for job_id in job_ids:
        assert bench.wait_for_end(job_id).ok
    (leg,) = bench.claims()
    assert files(bench) == sorted([f"{leg.job_id}_0_log.out", "submission.sh"])


def test_a_requeued_seat_has_not_the_name_of_the_trial_that_it_ran(
    bench: Bench, slurm: RealSlurm
) -> None:
    job_id, _ = bench.one_runs(of=1)

    def name() -> str:
        return slurm.run("squeue", "-h", "-j", job_id, "-o", "%T %j").strip()

    bench.wait(lambda: name() == f"RUNNING trial_0.{bench.name}", "it shows its trial")
    slurm.run("scontrol", "requeue", job_id)
    bench.wait(lambda: name().startswith("PENDING"), "it waits again")
    bench.wait(
        lambda: bench.cluster.poll([job_id]) and name() == f"PENDING trial.{bench.name}",
        "it waits for any trial",
    )


def test_nobody_else_may_write_the_script_and_jobs_have_the_users_umask(bench: Bench) -> None:
    bench.offer(1)
    before = os.umask(0o000)
    try:
        (job_id,) = bench.submit(1)
        assert os.umask(0o000) == 0o000
    finally:
        os.umask(before)
    assert bench.wait_for_end(job_id).ok
    script = bench.layout.jobs / "submission.sh"
    log = bench.layout.jobs / f"{job_id}_0_log.out"
    assert not script.stat().st_mode & 0o022
    assert stat.S_IMODE(log.stat().st_mode) == 0o666  # in a folder that is the user's alone
    assert stat.S_IMODE(bench.layout.jobs.stat().st_mode) == 0o700


def test_a_refused_array_leaves_nothing(bench: Bench) -> None:
    with pytest.raises(SubmissionError, match="SLURM refused the job"):
        bench.cluster.submit(Submit(3, 3, Size(mem_mb=2**30)))
    assert files(bench) == []
