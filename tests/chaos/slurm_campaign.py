"""One campaign on the real SLURM of the tests: its jobs, its manager, and their processes."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from chaos.training import CODES

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "hpo" / "scripts" / "submit_hpo_campaign.sh"
CONFIG = """
import os, time
from hpo import loguniform

if "SLURM_ARRAY_TASK_ID" in os.environ:
    time.sleep(%(import_s)g)

class Network(dict):
    def state_dict(self):
        time.sleep(%(save_s)g)
        return dict(self)

    def load_state_dict(self, state):
        self.update(state)

def get_config_space():
    return {"lr": loguniform(1e-4, 1.0), "max_epochs": %(epochs)d}

def get_slurm_config():
    return {"partition": "main", "time": "0:10:00", "mem": "%(mem)s", "gpus": 1}

def get_hpo_config():
    return {"n_trials": %(trials)d, "max_concurrent_jobs": 8, "output_dir": "results", "seed": 7,
            "poll_interval": 5, "claim_timeout": 10, "result_grace": 5, "max_initial_failures": 0,
            "checkpoint_interval": 2,
            **%(more)r}

def objective(config, trial):
%(body)s
"""
BODY = """
state = Network(epoch=0)
trial.restore(state=state)
for epoch in trial.epochs():
    time.sleep(%(epoch_s)g)
    state["epoch"] = epoch
    trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)
"""


def slurm(*command: str, check: bool = True) -> str:
    """A SLURM command's answer; calls that change nothing may fail while its daemons are away."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if check and done.returncode:
        raise RuntimeError(f"{command}: {done.stderr.strip()}")
    return done.stdout


@dataclass
class Campaign:
    """One campaign on SLURM; its manager is a job, or a process of this machine."""

    folder: Path
    trials: int = 24
    epochs: int = 4
    epoch_s: float = 1.0
    import_s: float = 0.0
    save_s: float = 0.0
    more: Mapping[str, object] = field(default_factory=dict)
    code: str = "loop"  # of `chaos.training`
    path: str = ""  # before PATH, for a manager of this machine
    manager_job: str = ""
    _process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        body = BODY % vars(self)
        if self.code != "loop":
            body = CODES[self.code].written(self.folder, self.epoch_s)
        mem = CODES[self.code].mem
        values = vars(self) | {"body": textwrap.indent(body, "    "), "mem": mem}
        (self.folder / "search.py").write_text(CONFIG % values)

    @property
    def output(self) -> Path:
        return self.folder / "results"

    def start(self, *, as_job: bool = True) -> None:
        environment = os.environ | {"HPO_PYTHON": sys.executable}
        environment["PYTHONPATH"] = str(ROOT)
        if as_job:
            command = ["sbatch", "--parsable", str(SCRIPT), "--config", "search.py"]
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            )
            self.manager_job = done.stdout.strip()
            return
        environment["PATH"] = os.pathsep.join(filter(None, [self.path, environment["PATH"]]))
        with (self.folder / "manager.out").open("a") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hpo", "run", "--config", "search.py"],
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def ended(self) -> bool:
        return (self.output / "final_results.json").exists()

    def manager_pid(self) -> int:
        return int(json.loads((self.output / "manager.json").read_text())["pid"])

    def manager_lives(self) -> bool:
        """Whether it runs or waits; also while SLURM does not answer."""
        if self._process is not None:
            return self._process.poll() is None
        command = ["squeue", "-h", "-j", self.manager_job]
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        if told.returncode:
            return "Invalid job id" not in told.stderr
        return bool(told.stdout.strip())

    def running(self) -> list[str]:
        """Job ids that hold a trial."""
        claims = (self.output / "claims").glob("*.job_*.json")
        return [p.name.split(".job_")[1][:-5] for p in claims if ".done" not in p.name]

    def pid_of(self, job_id: str) -> int | None:
        """The process of a job's present life, if it lives."""
        for path in self.output.glob("trials/*/attempt-a*.json"):
            record = json.loads(path.read_text())
            if record["job_id"] == job_id and psutil.pid_exists(record["pid"]):
                with contextlib.suppress(psutil.Error):
                    words = psutil.Process(record["pid"]).cmdline()
                    if any(word.endswith("hpo/job/start.py") for word in words):
                        return int(record["pid"])
        return None

    def clean_up(self) -> None:
        """End what is left of this campaign, by its ids."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self.manager_job:
            slurm("scancel", self.manager_job, check=False)
        try:
            name = json.loads((self.output / "campaign.json").read_text())["campaign"]
        except (OSError, ValueError):
            return
        rows = slurm("squeue", "-h", "-o", "%i|%j", check=False).splitlines()
        ids = [row.split("|")[0] for row in rows if row.endswith(f".{name}")]
        if ids:
            slurm("scancel", *ids, check=False)
