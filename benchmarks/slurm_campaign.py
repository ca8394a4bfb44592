"""Campaigns on the real SLURM for the benchmarks: a user's folder, and what it came to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
OUTPUT = "results"


@dataclass(frozen=True)
class Leg:
    """One leg that was trained; times in s, by the clock of its node."""

    trial_id: int
    start: float
    end: float


def require_slurm() -> None:
    """Leave with a hint where no SLURM answers."""
    try:
        done = subprocess.run(
            ["scontrol", "ping"], capture_output=True, text=True, timeout=60, check=False
        )
        answers = done.returncode == 0 and " is UP" in done.stdout
    except (FileNotFoundError, subprocess.TimeoutExpired):
        answers = False
    if not answers:
        sys.exit(
            "no SLURM answers here; tests/slurm/start_cluster.sh starts a private one (root on "
            "Debian or Ubuntu) and prints the SLURM_CONF to export"
        )


def run_campaign(folder: Path, config: str) -> float:
    """Run the campaign that `config` describes, the manager in the foreground; its seconds.

    Raises:
        RuntimeError: the campaign did not end well.
    """
    folder.mkdir(parents=True)
    shutil.copy(HERE / "curves.py", folder)
    (folder / "search.py").write_text(config, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "hpo", "run", "--config", "search.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.perf_counter() - begin
    if done.returncode != 0:
        raise RuntimeError(f"the campaign in {folder} failed:\n{done.stdout}{done.stderr}")
    return took


def legs(folder: Path) -> list[Leg]:
    """All legs that a job ended itself, by their start."""
    found = []
    for path in folder.glob(f"{OUTPUT}/trials/trial_*/result-a*.json"):
        result = json.loads(path.read_text(encoding="utf-8"))
        info = result["additional_info"]
        found.append(Leg(result["trial_id"], info["start_time"], info["end_time"]))
    return sorted(found, key=lambda leg: leg.start)
