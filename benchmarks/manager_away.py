"""GPU time lost while the manager is away: stopped in mid-campaign, with and without jobs ahead.

    python benchmarks/manager_away.py [--away 180] [--trial 10]

On SLURM (`tests/slurm/start_cluster.sh` starts one with eight GPUs): two campaigns of sleeping
trials at the same time, on four GPUs each. Both managers are stopped (SIGSTOP) together for
`--away` seconds, and then go on. One asks for jobs ahead (the default), the other for the next job
when one has ended (`queue_ahead: 0`), which is what a loop around sbatch does.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from slurm_campaign import ROOT, require_slurm

SEATS = 4
SETTLE_S = 30.0  # before and after: the same seats with a manager
CAMPAIGN = """
import time
from hpo import uniform

def get_config_space():
    return {"x": uniform(0.0, 1.0), "max_epochs": 1}

def get_slurm_config():
    return {"time": "0:30:00", "mem": "500M", "gpus": 1}

def get_hpo_config():
    return {"n_trials": %(n)d, "max_concurrent_jobs": %(seats)d, "output_dir": "results",
            "poll_interval": 5, "queue_ahead": %(ahead)r}

def objective(config, trial):
    time.sleep(%(trial_s)g)
    trial.report(epoch=1, validation_error=config["x"])
"""


def start(folder: Path, ahead: object, trial_s: float, seconds: float) -> subprocess.Popen[bytes]:
    """A campaign with work for all that time, its manager a process of this machine."""
    folder.mkdir()
    n_trials = int(SEATS * seconds / trial_s) + SEATS
    values = {"n": n_trials, "seats": SEATS, "ahead": ahead, "trial_s": trial_s}
    (folder / "search.py").write_text(CAMPAIGN % values, encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-m", "hpo", "run", "--config", "search.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def idle_share(folder: Path, begin: float, end: float) -> float:
    """The share of seat time between two times in which no trial ran."""
    busy = 0.0
    for path in folder.glob("results/results/trial_*.json"):
        info = json.loads(path.read_text(encoding="utf-8"))["additional_info"]
        if "start_time" in info:
            busy += max(0.0, min(info["end_time"], end) - max(info["start_time"], begin))
    return 1.0 - busy / (SEATS * (end - begin))


def main() -> None:
    """Run both campaigns and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--away", type=float, default=180.0, help="seconds")
    parser.add_argument("--trial", type=float, default=10.0, help="seconds that a trial sleeps")
    arguments = parser.parse_args()
    require_slurm()
    seconds = arguments.away + 3 * SETTLE_S
    with tempfile.TemporaryDirectory(prefix="manager_away_") as name:
        folders = {"jobs ahead (default)": "auto", "queue_ahead: 0": 0}
        paths = {what: Path(name) / str(n) for n, what in enumerate(folders)}
        managers = [start(paths[w], a, arguments.trial, seconds) for w, a in folders.items()]
        time.sleep(SETTLE_S + arguments.trial)
        times = [time.time() - SETTLE_S]
        for manager in managers:
            manager.send_signal(signal.SIGSTOP)
        times.append(time.time())
        time.sleep(arguments.away)
        for manager in managers:
            manager.send_signal(signal.SIGCONT)
        times.append(time.time())
        time.sleep(SETTLE_S + arguments.trial)
        for path in paths.values():
            stop = [sys.executable, "-m", "hpo", "stop", "results", "--kill"]
            subprocess.run(stop, cwd=path, capture_output=True, check=False)
        for manager in managers:
            manager.wait(timeout=120)
        print(f"idle seats, %            with it   away {arguments.away:.0f} s")
        for what, path in paths.items():
            before, away = idle_share(path, *times[:2]), idle_share(path, *times[1:])
            print(f"{what:22}  {before:8.1%}  {away:8.1%}")
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
