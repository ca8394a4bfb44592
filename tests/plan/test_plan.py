"""`hpo plan`: what it says, what it refuses, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from config_files import load_spec
from user_project import wait_until

from hpo.cli.plan import seconds
from hpo.cluster.simulated.arrival import Arrival, Backfill, LogNormal
from hpo.plan.assumptions import Assumptions
from hpo.plan.plan import make_plan, rung_plans
from hpo.plan.simulation import error_at
from hpo.plan.table import as_data
from hpo.plan.variants import variants

CONFIG = """
def get_config_space():
    return {"lr": [0.1, 0.2, 0.3, 0.4], "width": list(range(40)), "max_epochs": 9}

def get_slurm_config():
    return {"time": "1:00:00", "gpus": 2}

def get_hpo_config():
    return {"n_trials": 12, "max_concurrent_jobs": 3, "scheduler": "asha"} | {more}

def objective(config, trial):
    raise SystemExit("the objective must not run")
"""

OWN = """
from scipy import stats

class Doubled(stats.rv_continuous):
    def _cdf(self, x):
        return x / 2.0

    def _ppf(self, q):
        return 2.0 * q

DOUBLED = Doubled(a=0.0, b=2.0)()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "search.py").write_text(CONFIG.replace("{more}", "{}"), encoding="utf-8")
    return tmp_path


def plan(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hpo", "plan", "--config", "search", "--seeds", "1", *words]
    environment = os.environ | {"COLUMNS": "80"}
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=300,
    )


def memory() -> set[str]:
    return {path.name for path in Path("/dev/shm").glob("hpo-plan-*")}


def assumed_arrival(mean_s: float, time_min: int) -> Arrival:
    return Backfill(LogNormal(mean_s), time_min)


def data(**more: Any) -> dict[str, Any]:
    spec = load_spec("search", overrides=[f"hpo.{key}={value}" for key, value in more.items()])
    assumed = Assumptions(assumed_arrival(600.0, spec.slurm.time_min), spec.hpo.max_concurrent_jobs)
    return as_data(make_plan(spec, assumed, n_seeds=2))


class TestCommand:
    def test_the_table_has_the_rungs_and_the_rows_and_nothing_is_left(self, folder: Path) -> None:
        before = memory()
        done = plan(folder, "--plot", "plan.png", "--queue-wait", "20m", "--epoch-seconds", "30")
        assert done.returncode == 0, done.stderr
        for text in (
            "as set",
            "bound at submission",
            "queue_ahead: 0",
            "trials_per_job: auto",
            "time: auto",
            "GPU-hours",
        ):
            assert text in done.stdout
        assert re.search(r"^ 1 +12 +12 +0\.2 *$", done.stdout, re.M)
        assert re.search(r"^ 3 +4 +8 +0\.133 *$", done.stdout, re.M)
        assert re.search(r"^ 9 +1 +6 +0\.1 *$", done.stdout, re.M)
        assert "an epoch takes 30 s (median over trials, sigma 0.5; as given)" in done.stdout
        assert "jobs of 1:00:00 wait 20 min (mean, heavy tail; as given)" in done.stdout
        assert "assumed" not in done.stdout
        assert (folder / "plan.png").read_bytes().startswith(b"\x89PNG")
        assert {p.name for p in folder.iterdir()} - {"__pycache__"} == {"search.py", "plan.png"}
        # Other tests may plan at this moment; what they made goes away, what is left does not.
        new = memory() - before
        wait_until(lambda: not new & memory(), "nothing is left in memory", 60)

    def test_what_is_assumed_is_said(self, folder: Path) -> None:
        done = plan(folder, "--set", "hpo.n_trials=3")
        assert "assumed: give --epoch-seconds, or --like an earlier campaign" in done.stdout
        assert "assumed: give --queue-wait or --history" in done.stdout

    def test_json_is_for_programs(self, folder: Path) -> None:
        done = plan(folder, "--json", "--seats", "2")
        found = json.loads(done.stdout)
        assert found["seats"] == 2
        assert [row["name"] for row in found["rows"]][:2] == ["as set", "bound at submission"]

    def test_all_that_is_wrong_is_told_at_once(self, folder: Path) -> None:
        done = plan(
            folder, "--seats", "0", "--epoch-seconds", "-1", "--queue-wait", "soon", "--plot",
            "plan.txt", "--preemptions-per-hour", "-2", "--set", "hpo.n_trials=0",
        )  # fmt: skip
        assert done.returncode == 2
        for text in (
            "--seats 0: must be from 1 to 10000",
            "--epoch-seconds -1: must be a positive number",
            "--queue-wait soon: must be a time such as 30m, 2h or 90s",
            "--plot plan.txt: must end in .png, .pdf, .svg",
            "--preemptions-per-hour -2: must be from 0 to 60",
            "n_trials",
        ):
            assert text in done.stderr
        assert "Traceback" not in done.stderr

    def test_a_distribution_of_the_users_own_is_planned_with_too(self, folder: Path) -> None:
        (folder / "search.py").write_text(
            OWN + CONFIG.replace("{more}", "{}").replace('"lr": [', '"x": DOUBLED, "lr": ['),
            encoding="utf-8",
        )
        done = plan(folder, "--set", "hpo.n_trials=60")  # enough for more than one process
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        assert "simulated with one seed: all trials" in done.stdout

    @pytest.mark.parametrize(
        ("words", "text"),
        [
            (["--history", "none.txt"], "make it with: sacct -X -n -P"),
            (["--like", "nowhere"], "nowhere holds no results that tell how long an epoch took"),
            (["--plot", "nowhere/plan.png"], "there is no folder"),
        ],
    )
    def test_what_is_missing_is_told(self, folder: Path, words: list[str], text: str) -> None:
        done = plan(folder, *words)
        assert done.returncode == 2
        assert text in done.stderr
        assert "Traceback" not in done.stderr

    def test_history_and_an_earlier_campaign_are_taken(self, folder: Path) -> None:
        day = "2026-11-20T"
        rows = [
            f"{n}|{day}08:00:00|{day}08:00:00|{day}08:{n:02}:00|{day}09:00:00|1:00:00|COMPLETED|gpu"
            for n in range(10, 40)
        ]
        (folder / "history.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
        results = folder / "earlier" / "results"
        results.mkdir(parents=True)
        for n, spent_s in enumerate((90.0, 180.0, 360.0)):
            info = {"training_time": spent_s}
            text = json.dumps({"resource": 9, "additional_info": info})
            (results / f"trial_{n}.json").write_text(text, encoding="utf-8")
        (results / "trial_3.json").write_text('{"resource": 9, "additional_info": 3}')
        done = plan(folder, "--history", "history.txt", "--like", "earlier")
        assert done.returncode == 0, done.stderr
        assert "jobs wait as 30 did in history.txt: those of about 1:00:00 waited 24.5 min" in (
            done.stdout
        )
        assert "an epoch takes 20 s (median over trials, sigma 0.57; as in earlier)" in done.stdout


class TestPlan:
    def test_equal_questions_have_equal_answers(self, folder: Path) -> None:
        assert data() == data()

    def test_what_is_set_already_is_compared_with_its_lack(self, folder: Path) -> None:
        words = ["hpo.queue_ahead=0", "hpo.trials_per_job=auto", "slurm.time=auto"]
        spec = load_spec("search", overrides=[*words, "slurm.max_time=30"])
        made = make_plan(spec, Assumptions(assumed_arrival(600.0, 30), 3), n_seeds=1)
        assert [row.variant.name for row in made.rows] == [
            "as set",
            "bound at submission",
            "queue_ahead: auto",
            "trials_per_job: 1",
            "time: 30",
        ]
        for row in made.rows:
            assert row.outcomes[0].legs[0] == 12

    def test_random_search_is_one_rung(self, folder: Path) -> None:
        found = data(scheduler="random")
        assert found["rungs"] == [{"resource": 9, "legs": 12, "epochs": 108}]

    def test_all_trials_get_to_their_rungs_in_every_row(self, folder: Path) -> None:
        spec = load_spec("search")
        assumed = Assumptions(assumed_arrival(600.0, 60), 3)
        made = make_plan(spec, assumed, n_seeds=1)
        assert len(made.rows) == len(variants(spec))
        for row in made.rows:
            assert row.outcomes[0].legs[0] == 12
            assert row.outcomes[0].failed == 0

    def test_a_large_campaign_is_cut_and_says_so(self, folder: Path) -> None:
        spec = load_spec("search", overrides=["hpo.n_trials=160"])
        assumed = Assumptions(assumed_arrival(60.0, 60), 3)
        made = make_plan(spec, assumed, n_seeds=1, most_trials=16)
        assert (made.simulated_trials, made.scale) == (16, 10.0)
        lines = as_data(made)["assumptions"]
        assert any("the first 16 of 160 trials, and multiplied by 10.0" in s for s in lines)

    def test_a_finite_space_and_a_maximised_metric(self, folder: Path) -> None:
        found = data(mode="max", n_trials=12)
        assert found["rows"][0]["hours"][0] > 0.0

    def test_learned_memory_holds_no_job_back(self, folder: Path) -> None:
        assumed = Assumptions(assumed_arrival(1800.0, 60), 3)
        auto, fixed = (
            make_plan(
                load_spec("search", overrides=["hpo.n_trials=40", f"slurm.mem={mem}"]),
                assumed,
                n_seeds=1,
            )
            for mem in ("auto", "8G")
        )
        assert auto.rows[0].outcomes == fixed.rows[0].outcomes

    def test_of_a_small_space_no_more_trials_are_counted_than_it_holds(self, folder: Path) -> None:
        spec = load_spec("search", overrides=["hpo.n_trials=400", "space.width=1"])
        found = as_data(make_plan(spec, Assumptions(assumed_arrival(600.0, 60), 3), n_seeds=1))
        assert found["trials"] == found["simulated_trials"] == found["rungs"][0]["legs"] == 4
        assert any("holds only 4 different configurations" in s for s in found["assumptions"])

    @pytest.mark.parametrize(
        ("epochs", "length", "said"),
        [
            ('"max_epochs": [2, 10]', 6, "a trial has 6 epochs on average, as max_epochs is drawn"),
            ('"dropout": 0', 10, "a trial has 10 epochs (assumed: set max_epochs in the space)"),
        ],
    )
    def test_how_long_a_whole_trial_is_taken_to_be_is_said(
        self, folder: Path, epochs: str, length: int, said: str
    ) -> None:
        text = CONFIG.replace("{more}", "{}").replace('"max_epochs": 9', epochs)
        (folder / "search.py").write_text(text, encoding="utf-8")
        found = data(scheduler="random")
        assert found["rungs"] == [{"resource": length, "legs": 12, "epochs": 12 * length}]
        assert said in found["assumptions"]

    def test_legs_that_do_not_fit_are_told(self, folder: Path) -> None:
        spec = load_spec("search", overrides=["hpo.scheduler=random", "hpo.n_trials=4"])
        long = Assumptions(assumed_arrival(60.0, 60), 3, epoch_s=900.0, epoch_spread=0.1)
        lines = as_data(make_plan(spec, long, n_seeds=1))["assumptions"]
        assert any("do not get to their rung in one job: " in line for line in lines)
        longer = Assumptions(assumed_arrival(60.0, 60), 3, epoch_s=9000.0, epoch_spread=0.1)
        lines = as_data(make_plan(spec, longer, n_seeds=1))["assumptions"]
        assert any("trials that come to nothing: 4; " in line for line in lines)

    def test_the_rungs_are_those_of_the_settings(self, folder: Path) -> None:
        assert [r.resource for r in rung_plans(load_spec("search"))] == [1, 3, 9]


def test_curves_fall_and_mostly_keep_their_order() -> None:
    early = [error_at(0, trial, 0.1) for trial in range(200)]
    late = [error_at(0, trial, 1.0) for trial in range(200)]
    assert all(a > b for a, b in zip(early, late, strict=True))
    best = sorted(range(200), key=early.__getitem__)[:67]
    truly_best = sorted(range(200), key=late.__getitem__)[:20]
    assert len(set(best) & set(truly_best)) >= 12  # of 20 a first rung of 1 in 3 keeps most


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30m", 1800.0), ("2h", 7200.0), ("90", 90.0), ("1.5 d", 129600.0), ("5min", 300.0)],
)
def test_durations(text: str, expected: float) -> None:
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "h", "-3m", "1:30", "3w"])
def test_what_is_no_duration(text: str) -> None:
    assert seconds(text) is None
