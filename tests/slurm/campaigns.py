"""Campaigns on the real SLURM, as a user starts them: a folder, a config file, sbatch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "hpo" / "scripts" / "submit_hpo_campaign.sh"

CONFIG = """
import os, time
from hpo import loguniform, randint

def get_config_space():
    return {"lr": loguniform(1e-4, 1.0), "width": randint(8, 64), "max_epochs": %(epochs)d}

def get_slurm_config():
    return {"partition": "main", "time": "0:10:00", "mem": "500M", "gpus": 1}

def get_hpo_config():
    return {"n_trials": %(n_trials)d, "max_concurrent_jobs": 8, "output_dir": "results here",
            "seed": 7, "poll_interval": 5, "claim_timeout": 10, "result_grace": 5}

def objective(config, trial):
    # One line a start, appended in one write: what ran, however often.
    log = os.open("started.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, f"{trial.trial_id} {os.environ.get('CUDA_VISIBLE_DEVICES')}\\n".encode())
    for epoch in trial.epochs():
        time.sleep(%(epoch_s)g)
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)
"""


@dataclass
class Project:
    """A user's folder with one configuration, `search.py`."""

    folder: Path
    n_trials: int = 24
    epochs: int = 2
    epoch_s: float = 1.0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "search.py").write_text(CONFIG % vars(self))

    @property
    def output(self) -> Path:
        return self.folder / "results here"

    def sbatch(self, *options: str) -> str:
        """Submit the manager; its job id."""
        command = ["sbatch", "--parsable", *options, str(SCRIPT), "--config", "search.py"]
        environment = os.environ | {"HPO_PYTHON": sys.executable}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The manager in the foreground."""
        command = [sys.executable, "-m", "hpo", "run", "--config", "search.py", *arguments]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, check=False, timeout=300
        )

    def log(self, job_id: str) -> str:
        path = self.folder / f"hpo_manager_{job_id}.out"
        return path.read_text() if path.exists() else ""

    def final(self) -> dict[str, Any] | None:
        path = self.output / "final_results.json"
        return json.loads(path.read_text()) if path.exists() else None

    def results(self) -> list[dict[str, Any]]:
        found = self.output.glob("results/trial_*.json")
        return sorted((json.loads(p.read_text()) for p in found), key=lambda r: r["trial_id"])

    def starts(self) -> Counter[int]:
        """How often each trial was started."""
        path = self.folder / "started.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return Counter(int(line.split()[0]) for line in lines)

    def require_all_once(self) -> None:
        assert self.starts() == Counter(range(self.n_trials))
        assert [r["status"] for r in self.results()] == ["completed"] * self.n_trials


def wait_until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.5)
