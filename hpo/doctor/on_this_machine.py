"""Whether this machine is large enough for the trials that are to run on it at once."""

from __future__ import annotations

import os

import psutil

from hpo.cluster.local.gpus import visible_gpus
from hpo.doctor.finding import Finding
from hpo.doctor.machine import Machine, judge
from hpo.doctor.wish import Wish


def examine_machine(wish: Wish, trials_per_gpu: int) -> list[Finding]:
    """Cores, memory and GPUs against what the trials ask for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    machine = Machine(
        cores=cores or 1,
        mem_mb=psutil.virtual_memory().available >> 20,
        gpus=len(visible_gpus()) if wish.gpus else 0,
    )
    return judge(machine, wish, trials_per_gpu)
