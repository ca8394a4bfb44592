"""Campaigns on the real SLURM of the tests: what a cluster does to jobs, nodes and its own daemons.

Wants SLURM_CONF of `tests/slurm/start_cluster.sh`, and leaves that cluster healthy.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from chaos.audit import Auditor, Findings

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "hpo" / "scripts" / "submit_hpo_campaign.sh"
START_CLUSTER = ROOT / "tests" / "slurm" / "start_cluster.sh"
LIMIT_S = 330.0
NODES = ("gpu1", "gpu2", "gpu3", "gpu4")
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
    return {"partition": "main", "time": "0:10:00", "mem": "500M", "gpus": 1}

def get_hpo_config():
    return {"n_trials": %(trials)d, "max_concurrent_jobs": 8, "output_dir": "results", "seed": 7,
            "poll_interval": 5, "claim_timeout": 10, "result_grace": 5, "max_initial_failures": 0,
            "checkpoint_interval": 2,
            **%(more)r}

def objective(config, trial):
    state = Network(epoch=0)
    trial.restore(state=state)
    for epoch in trial.epochs():
        time.sleep(%(epoch_s)g)
        state["epoch"] = epoch
        trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)
"""
# What stands before the real programs on the manager's PATH: an answer in five is lost.
LOSSY = """#!/bin/sh
{before}
n=$(od -An -N1 -tu1 /dev/urandom)
if [ $((n % 5)) -eq 0 ]; then
    echo "{name}: error: Socket timed out on send/recv operation" >&2
    echo lost >> "$0.lost"
    exit 1
fi
{after}
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
    more: dict[str, object] = field(default_factory=dict)
    path: str = ""  # before PATH, for a manager of this machine
    manager_job: str = ""
    _process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "search.py").write_text(CONFIG % vars(self))

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
                    if "submitit.core._submit" in psutil.Process(record["pid"]).cmdline():
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


# ------------------------------------------------------------------------------------ faults
Fault = Callable[[Campaign, random.Random], bool]


def kill_manager(campaign: Campaign, dice: random.Random) -> bool:
    """Its script starts it again after ten seconds; one of this machine is started by `run`."""
    os.kill(campaign.manager_pid(), dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
    return True


def requeue_manager(campaign: Campaign, _dice: random.Random) -> bool:
    if not campaign.manager_job:
        return False
    slurm("scontrol", "requeue", campaign.manager_job, check=False)
    return True


def cancel_manager(campaign: Campaign, _dice: random.Random) -> bool:
    if not campaign.manager_job:
        return False
    slurm("scancel", campaign.manager_job)
    campaign.start()
    return True


def kill_seat(campaign: Campaign, dice: random.Random) -> bool:
    """As a user's own code may: the trial fails, with its cause."""
    pid = campaign.pid_of(dice.choice(campaign.running()))
    if pid is None:
        return False
    os.kill(pid, signal.SIGKILL)
    return True


def requeue_seat(campaign: Campaign, dice: random.Random) -> bool:
    slurm("scontrol", "requeue", dice.choice(campaign.running()))
    return True


def preempt_node(campaign: Campaign, dice: random.Random) -> bool:
    """The owner of a node wants both its GPUs for a moment."""
    del campaign
    node = dice.choice(NODES)
    options = ["-p", "owner", "-w", node, "--gres=gpu:2", "-t", "1", "-o", "/dev/null"]
    slurm("sbatch", "--parsable", *options, "--wrap=sleep 2")
    return True


def fail_node(campaign: Campaign, dice: random.Random) -> bool:
    """SLURM gives the node up and kills what ran there."""
    node = _busy_node(campaign, dice)
    slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=chaos")
    time.sleep(2)
    # Refused where the node has come back by itself.
    slurm("scontrol", "update", f"nodename={node}", "state=resume", check=False)
    return True


def lose_node(campaign: Campaign, dice: random.Random) -> bool:
    """slurmd dies and the node is given up, while the processes there live on: late writers."""
    node = _busy_node(campaign, dice)
    _stop_daemon(f"slurmd.{node}", signal.SIGKILL)
    slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=chaos")
    time.sleep(5)
    start_cluster()
    return True


def _busy_node(campaign: Campaign, dice: random.Random) -> str:
    """A node on which a trial of this campaign runs."""
    told = slurm("squeue", "-h", "-j", dice.choice(campaign.running()), "-o", "%N", check=False)
    return told.strip() if told.strip() in NODES else dice.choice(NODES)


def lose_node_of_manager(campaign: Campaign) -> None:
    """As `lose_node`, where the manager is: its process lives on as well, its job is requeued."""
    node = slurm("squeue", "-h", "-j", campaign.manager_job, "-o", "%N").strip()
    _stop_daemon(f"slurmd.{node}", signal.SIGKILL)
    slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=chaos")
    time.sleep(5)
    start_cluster()


def stop_controller(campaign: Campaign, dice: random.Random, away_s: float = 0.0) -> bool:
    del campaign
    _stop_daemon("slurmctld", signal.SIGTERM)
    time.sleep(away_s or dice.uniform(5, 20))
    start_cluster()
    return True


FAULTS: dict[str, Fault] = {
    "manager killed": kill_manager,
    "manager requeued": requeue_manager,
    "manager cancelled": cancel_manager,
    "seat killed": kill_seat,
    "seat requeued": requeue_seat,
    "node preempted by its owner": preempt_node,
    "node failed": fail_node,
    "node lost, its processes live on": lose_node,
    "slurmctld stopped": stop_controller,
}


def _stop_daemon(name: str, sign: signal.Signals) -> None:
    conf = Path(os.environ["SLURM_CONF"])
    os.kill(int((conf.parents[1] / "run" / f"{name}.pid").read_text()), sign)


def start_cluster() -> None:
    """Start what is missing, and wait for all nodes."""
    subprocess.run([str(START_CLUSTER)], capture_output=True, check=True, timeout=300)


def hanging_squeue(folder: Path) -> Path:
    """A squeue that does not come back as long as `hangs` lies beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    path, real = folder / "squeue", slurm("which", "squeue").strip()
    path.write_text(f'#!/bin/sh\n[ ! -e {folder}/hangs ] || exec sleep 1000\nexec {real} "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder


def lossy_programs(folder: Path) -> Path:
    """squeue that often does not answer, and sbatch that loses its answer after submitting."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, submits in (("squeue", False), ("sbatch", True)):
        real = slurm("which", name).strip()
        call = f'{real} "$@"'
        text = LOSSY.format(
            name=name,
            before=f"answer=$({call}) || exit $?" if submits else "",
            after='echo "$answer"' if submits else f"exec {call}",
        )
        path = folder / name
        path.write_text(text)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder


# ------------------------------------------------------------------------------------ campaigns
def run(
    folder: Path, seed: int, kills: int, faults: tuple[str, ...] = tuple(FAULTS)
) -> tuple[Counter[str], Findings]:
    """One campaign with up to `kills` faults.

    In every third, slurmdbd is stopped at the start (a fault that restarts daemons brings it back);
    every third has a manager on this machine whose squeue and sbatch lose answers.
    """
    dice = random.Random(seed)
    asha = bool(seed % 2)  # most of its trials end at the first rung
    campaign = Campaign(
        folder, trials=72 if asha else 24, more={"scheduler": "asha"} if asha else {}
    )
    done: Counter[str] = Counter()
    as_job = seed % 3 != 2
    if not as_job:
        campaign.path = str(lossy_programs(folder / "bin"))
    try:
        if seed % 3 == 1:
            _stop_daemon("slurmdbd", signal.SIGTERM)
            done["campaign without slurmdbd"] += 1
        auditor = Auditor(campaign.output)
        campaign.start(as_job=as_job)
        _drive(campaign, auditor, dice, kills, done, faults, as_job=as_job)
        for name in ("squeue", "sbatch"):
            lost = folder / "bin" / f"{name}.lost"
            if lost.exists():
                done[f"{name} lost its answer"] += len(lost.read_text().splitlines())
        return done, auditor.findings()
    finally:
        campaign.clean_up()
        start_cluster()


def _drive(
    campaign: Campaign,
    auditor: Auditor,
    dice: random.Random,
    kills: int,
    done: Counter[str],
    faults: tuple[str, ...],
    *,
    as_job: bool,
) -> None:
    deadline = time.monotonic() + LIMIT_S
    left = kills
    while not campaign.ended() and time.monotonic() < deadline:
        time.sleep(dice.uniform(2.0, 6.0) if left else 1.0)
        if not campaign.manager_lives() and not campaign.ended():
            campaign.start(as_job=as_job)  # as a user does whom it told how to go on
        if not left or not (campaign.output / "manager.json").exists() or not campaign.running():
            continue
        name = dice.choice(faults)
        auditor.before_kill()
        try:
            happened = FAULTS[name](campaign, dice)
        except (ProcessLookupError, RuntimeError):
            happened = False  # it had ended by itself
        done[name] += happened
        left -= happened
