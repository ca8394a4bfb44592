"""What a job knows of its own time and memory, takes by it, and tells of what it used."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path

import pytest
from histories import make_layout, offer_files, take
from seat_runs import SeatRun

from hpo.cluster.slurm.request import SeatRequest
from hpo.folder import shrunk_seats
from hpo.folder.attempts import read_attempt, read_begun
from hpo.folder.offers import Leg
from hpo.job import memory
from hpo.seats.job_identity import this_job
from hpo.seats.stay import first_leg_s
from hpo.settings.search import SlurmSettings
from hpo.units.sizes import Size, usable_s, warning_s

SLURM = {"SLURM_JOB_ID": "1", "SLURM_MEM_PER_NODE": "768"}
ON_SLURM = SLURM | {"HPO_JOB_ID": "", "SLURM_ARRAY_JOB_ID": "", "SLURM_CONF": "/nowhere"}
OBJECTIVE = """
def objective(config, trial):
    trial.report(loss=1.0)
"""
THREAD = """
threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
"""


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        (SLURM | {"HPO_SEAT_MIN": "30"}, usable_s(30)),
        (SLURM, None),
        (SLURM | {"HPO_SEAT_MIN": "soon"}, None),
        (SLURM | {"HPO_SEAT_MIN": "-3"}, None),
        ({"HPO_JOB_ID": "local-1", "HPO_SEAT_MIN": "30"} | SLURM, None),
        ({"SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2", "HPO_SEAT_MIN": "5"}, 210),
    ],
)
def test_a_seat_knows_its_time_from_its_own_script(
    environ: dict[str, str], seconds: int | None
) -> None:
    assert first_leg_s(this_job(environ).time.asked_min) == seconds


def test_the_script_says_what_was_asked_for_also_where_it_was_cut() -> None:
    request = SeatRequest(SlurmSettings(time="auto", mem="auto", max_mem="2G"))
    asked = request.submitit_parameters(name="n", at_once=1, size=Size(768, 30), minutes=17)
    assert (asked["time"], asked["mem"]) == (17, "768M")
    assert "export HPO_SEAT_MIN=30" in asked["setup"]
    first = request.submitit_parameters(name="n", at_once=1, size=Size(), minutes=120)
    assert (first["time"], first["mem"]) == (120, "2048M")
    assert "export HPO_SEAT_MIN=120" in first["setup"]
    assert {"--time=120", "--mem=2048M"} <= set(request.sbatch_options())


class TestSeat:
    def test_a_first_leg_that_needs_longer_is_left_where_seats_differ(self, tmp_path: Path) -> None:
        seat = SeatRun(tmp_path, OBJECTIVE, {"trials_per_job": 1, "timed": True})
        seat.offer(1, time_s=usable_s(30) + 1)
        seat.offer(1, first=1, time_s=usable_s(30))
        seat.run(**ON_SLURM, HPO_SEAT_MIN="30")
        assert (seat.done(), seat.left()) == ([1], [0])
        info = seat.result(1)["additional_info"]
        assert (info["time_had_s"], info["mem_had_mb"]) == (1800, 768)
        assert info["max_rss_mb"] > 5
        claim = Leg(1, 0, 0, "1", time_s=usable_s(30))
        found = read_attempt(seat.layout, claim)
        assert found is not None
        assert (found[0].time_had_s, found[0].mem_had_mb) == (1800, 768)
        assert found[0].mem_used_mb == info["max_rss_mb"]

    def test_where_all_seats_are_alike_it_takes_any(self, tmp_path: Path) -> None:
        seat = SeatRun(tmp_path, OBJECTIVE, {"trials_per_job": 1})
        seat.offer(1, time_s=99_999)
        seat.run(**ON_SLURM, HPO_SEAT_MIN="30")
        assert seat.done() == [0]

    @pytest.mark.parametrize(
        ("process", "body"), [("job", ""), ("same", ""), ("fork", ""), ("fresh", THREAD)]
    )
    def test_a_limit_that_was_lowered_counts_wherever_its_trials_run(
        self, tmp_path: Path, process: str, body: str
    ) -> None:
        settings = {
            "trials_per_job": 1 if process == "job" else "auto",
            "trial_process": "same" if process == "same" else "fork",
        }
        seat = SeatRun(tmp_path, body + OBJECTIVE, settings)
        seat.offer(1)
        shrunk_seats.note(seat.layout, ["1"], 15)
        script = {"HPO_SEAT_MIN": "30", "HPO_LIMIT_MIN": "30"}
        leave_at = time.time() + 60 * 30 - warning_s(30)
        printed = seat.run(**ON_SLURM, **script, HPO_LEAVE_AT=str(leave_at))
        assert ("a fresh interpreter, not a fork" in printed) == (process == "fresh")
        found = seat.result(0)
        assert (found["job_id"], found["additional_info"]["time_had_s"]) == ("1", 900)


class TestWhatAnAttemptHad:
    def test_it_is_that_of_this_job_or_nothing(self, tmp_path: Path) -> None:
        layout = make_layout(tmp_path)
        offer_files(layout, 0)
        claim = take(layout, "7")
        assert read_begun(layout, claim) == {}
        path = layout.trial(0) / "attempt-a0.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"job_id": "8", "mem_had_mb": 5}))
        assert read_begun(layout, claim) == {}


class TestMemoryUsed:
    @pytest.fixture
    def kernel(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(memory, "OWN_GROUPS", tmp_path / "cgroup")
        monkeypatch.setattr(memory, "GROUPS", tmp_path / "groups")
        return tmp_path

    def write(self, kernel: Path, groups: str, file: str, text: str) -> None:
        (kernel / "cgroup").write_text(groups)
        path = kernel / "groups" / file
        path.parent.mkdir(parents=True)
        path.write_text(text)

    def test_version_2_counts_for_the_whole_job(self, kernel: Path) -> None:
        own = "0::/system.slice/slurmstepd.scope/job_77/step_0/user/task_0\n"
        file = "system.slice/slurmstepd.scope/job_77/memory.peak"
        self.write(kernel, own, file, f"{(700 << 20) + 1}\n")
        assert memory.used_mb({"SLURM_JOB_ID": "77"}) == 701

    def test_so_does_version_1(self, kernel: Path) -> None:
        own = "9:cpuset:/slurm/uid_0/job_77/step_0\n5:memory:/slurm/uid_0/job_77/step_0/task_0\n"
        file = "memory/slurm/uid_0/job_77/memory.max_usage_in_bytes"
        self.write(kernel, own, file, str(300 << 20))
        assert memory.used_mb({"SLURM_JOB_ID": "77"}) == 300

    @pytest.mark.parametrize(
        "own", ["0::/\n", "0::/system.slice/job_7/x\n", "4:memory:/a/job_77\n", "nonsense\n", ""]
    )
    def test_the_group_of_something_else_does_not_count(self, kernel: Path, own: str) -> None:
        self.write(kernel, own, "memory.peak", str(900 << 30))
        assert 0 < memory.used_mb({"SLURM_JOB_ID": "77"}) < 100_000
        assert 0 < memory.used_mb({}) < 100_000

    @pytest.mark.parametrize("text", ["", "max\n"])
    def test_a_counter_that_cannot_be_read_leaves_the_processes_own(
        self, kernel: Path, text: str
    ) -> None:
        self.write(kernel, "0::/x/job_77/y\n", "x/job_77/memory.peak", text)
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        assert memory.used_mb({"SLURM_JOB_ID": "77"}) >= own
        (kernel / "cgroup").unlink()
        assert memory.used_mb({"SLURM_JOB_ID": "77"}) >= own
