"""What a cluster does to jobs, nodes and its own daemons: each a function, to be done for real."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from chaos.slurm_campaign import ROOT, Campaign, slurm

START_CLUSTER = ROOT / "tests" / "slurm" / "start_cluster.sh"
NODES = ("gpu1", "gpu2", "gpu3", "gpu4")
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
    stop_daemon(f"slurmd.{node}", signal.SIGKILL)
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
    stop_daemon(f"slurmd.{node}", signal.SIGKILL)
    slurm("scontrol", "update", f"nodename={node}", "state=down", "reason=chaos")
    time.sleep(5)
    start_cluster()


def stop_controller(campaign: Campaign, dice: random.Random, away_s: float = 0.0) -> bool:
    del campaign
    stop_daemon("slurmctld", signal.SIGTERM)
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


def stop_daemon(name: str, sign: signal.Signals) -> None:
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
