"""ASHA as a user runs it, in local processes: settings, the end of a campaign, what is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

CONFIG = """
import os, time
from hpo import loguniform

def get_config_space():
    return {"lr": loguniform(1e-3, 1.0), "max_epochs": 9}

def get_slurm_config():
    return {}

def get_hpo_config():
    return {"n_trials": 9, "max_concurrent_jobs": 2, "output_dir": "out", "seed": 1,
            "claim_timeout": 5}

def objective(config, trial):
    model = {"steps": 0}
    trial.restore(model=model)
    log = os.open("epochs.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for epoch in range(trial.resource + 1, config["max_epochs"] + 1):  # not trial.epochs()
        time.sleep(EPOCH_S)
        model["steps"] += 1
        os.write(log, f"{trial.trial_id} {epoch} {model['steps']}\\n".encode())
        trial.report(epoch=epoch, validation_error=config["lr"] + 1 / epoch)
"""

KEYWORDS = """
def objective(lr, max_epochs):
    from hpo import Reporter
    report = Reporter()
    for epoch in range(1, max_epochs + 1):
        report(epoch=epoch, validation_error=lr + 1 / epoch)
"""


class Search:
    def __init__(self, folder: Path, epoch_s: float = 0.0, config: str = CONFIG) -> None:
        self.folder = folder
        (folder / "search.py").write_text(config.replace("EPOCH_S", str(epoch_s)))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "hpo", "run", "--config", "search.py"]
        return subprocess.run(
            [*command, "--executor", "local", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def results(self) -> list[dict[str, Any]]:
        found = (self.folder / "out" / "results").glob("trial_*.json")
        return sorted((json.loads(p.read_text()) for p in found), key=lambda r: r["trial_id"])

    def epochs(self) -> Counter[tuple[int, int]]:
        lines = (self.folder / "epochs.txt").read_text().splitlines()
        assert all(line.split()[1] == line.split()[2] for line in lines)
        return Counter((int(line.split()[0]), int(line.split()[1])) for line in lines)

    def checkpoints(self) -> set[int]:
        found = (self.folder / "out" / "trials").glob("trial_*/checkpoint/epoch_*")
        return {int(path.parent.parent.name.removeprefix("trial_")) for path in found}


def test_trials_pause_at_rungs_and_go_on_where_they_were(tmp_path: Path) -> None:
    search = Search(tmp_path)
    done = search.run("--scheduler", "asha")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in all 21 epochs, 26% of random search to 9" in done.stdout
    assert done.stdout.index("in all") < done.stdout.index("submitted")
    assert set(search.epochs().values()) == {1}
    results = search.results()
    assert Counter(r["resource"] for r in results)[9] >= 1
    assert {r["status"] for r in results} == {"paused", "completed"}
    by_lr = sorted(results, key=lambda r: r["config"]["lr"])
    assert by_lr[0]["resource"] == 9
    assert [r["epoch"] for r in by_lr[0]["reports"]] == list(range(1, 10))


def test_random_search_stays_the_default(tmp_path: Path) -> None:
    search = Search(tmp_path)
    done = search.run("--set", "hpo.n_trials=2")
    assert done.returncode == 0
    assert "rung" not in done.stdout
    assert [r["resource"] for r in search.results()] == [9, 9]


def test_at_the_end_of_the_time_trials_save_and_leave_if_the_user_wants(tmp_path: Path) -> None:
    search = Search(tmp_path, epoch_s=0.5)
    limits = ["hpo.max_wallclock_time=2", "hpo.at_end=checkpoint", "hpo.n_trials=2"]
    done = search.run("--set", *limits)
    assert "max_wallclock_time" in done.stdout
    results = search.results()
    assert {r["status"] for r in results} == {"stopped"}
    assert all(0 < r["resource"] < 9 for r in results)
    assert search.checkpoints() == {0, 1}
    again = search.run("--set", "hpo.n_trials=2")
    assert again.returncode == 0
    assert [r["resource"] for r in search.results()] == [9, 9]
    assert set(search.epochs().values()) == {1}  # it went on where it had left


@pytest.mark.parametrize(("keep", "left"), [("all", 9), ("best", 1)])
def test_checkpoints_are_kept_as_the_user_wants(tmp_path: Path, keep: str, left: int) -> None:
    search = Search(tmp_path)
    assert (
        search.run("--scheduler", "asha", "--set", f"hpo.keep_checkpoints={keep}").returncode == 0
    )
    assert len(search.checkpoints()) == left
    final = json.loads((tmp_path / "out" / "final_results.json").read_text())
    assert final["best_trial_id"] in search.checkpoints()


def test_an_objective_of_keywords_is_paused_from_outside(tmp_path: Path) -> None:
    config = CONFIG[: CONFIG.index("def objective")] + KEYWORDS
    search = Search(tmp_path, config=config)
    assert search.run("--scheduler", "promotion").returncode == 0
    assert Counter(r["resource"] for r in search.results())[1] >= 5


def test_the_stopping_variant_runs_to_its_end(tmp_path: Path) -> None:
    search = Search(tmp_path)
    done = search.run("--scheduler", "stopping")
    assert done.returncode == 0, done.stdout
    assert set(search.epochs().values()) == {1}
    assert len({r["resource"] for r in search.results()}) > 1


def test_changing_the_rungs_of_a_campaign_is_another_search(tmp_path: Path) -> None:
    search = Search(tmp_path)
    search.run("--scheduler", "asha")
    again = search.run("--scheduler", "asha", "--set", "hpo.scheduler.reduction_factor=2")
    assert again.returncode == 2
    assert "reduction_factor: 3 -> 2" in again.stderr


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (["hpo.scheduler.grace_period=10"], "grace_period 10 is above max_t 9"),
        (["hpo.scheduler.reduction_factor=1"], "reduction_factor"),
        (["hpo.scheduler.max_t=27"], "max_t is 27, and 'max_epochs' in the space is 9"),
        (["space.max_epochs=[9, 27]"], "must be one whole number, not a choice"),
        (["hpo.scheduler.max_tt=9"], "unknown key 'max_tt' in 'scheduler'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    tmp_path: Path, settings: list[str], sentence: str
) -> None:
    search = Search(tmp_path)
    done = search.run("--scheduler", "asha", "--set", *settings)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
