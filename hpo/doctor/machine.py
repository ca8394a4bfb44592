"""Whether one machine is large enough for the trials that run at once. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.doctor.finding import Finding
from hpo.doctor.wish import Wish
from hpo.units.slurm import memory_text


@dataclass(frozen=True, slots=True)
class Machine:
    """What it has: cores that may be used, memory that is free (MB), GPUs."""

    cores: int
    mem_mb: int
    gpus: int


def judge(machine: Machine, wish: Wish, trials_per_gpu: int) -> list[Finding]:
    """Cores, memory and GPUs, each against what trials that run at once ask for."""
    return [
        _cores(machine, wish),
        _memory(machine, wish),
        _gpus(machine, wish, trials_per_gpu),
    ]


def _cores(machine: Machine, wish: Wish) -> Finding:
    wanted = wish.at_once * (wish.cpus or 1)
    found = f"{wish.at_once} trials at once want {wanted} cores, this machine has {machine.cores}"
    if wanted > machine.cores:
        fitting = max(1, machine.cores // (wish.cpus or 1))
        advice = f"set hpo.max_concurrent_jobs to {fitting}, or they slow each other down"
        return Finding("cpus", "warn", found, advice)
    return Finding("cpus", "ok", found)


def _memory(machine: Machine, wish: Wish) -> Finding:
    wanted = wish.at_once * (wish.size.mem_mb or 0)
    found = (
        f"{wish.at_once} trials at once may take {memory_text(wanted)}, "
        f"{memory_text(machine.mem_mb)} are free"
    )
    if wanted > machine.mem_mb:
        advice = "set slurm.mem to what a trial needs, or hpo.max_concurrent_jobs to fewer"
        return Finding("mem", "warn", found, advice)
    return Finding("mem", "ok", found)


def _gpus(machine: Machine, wish: Wish, trials_per_gpu: int) -> Finding:
    if wish.gpus == 0:
        return Finding("gpus", "ok", "none is asked for")
    if machine.gpus == 0:
        return Finding(
            "gpus",
            "warn",
            "this machine shows no GPU: the trials run on its CPU",
            "set slurm.gpus to 0 if that is meant; else look at nvidia-smi",
        )
    if wish.gpus > machine.gpus:
        return Finding(
            "gpus",
            "fail",
            f"a trial asks for {wish.gpus} GPUs, this machine has {machine.gpus}",
            f"set slurm.gpus to {machine.gpus} or less",
        )
    places = machine.gpus // wish.gpus * trials_per_gpu
    found = f"{places} trials fit on {machine.gpus} GPUs, {wish.at_once} are to run at once"
    if wish.at_once > places:
        advice = f"set hpo.max_concurrent_jobs to {places}, or hpo.trials_per_gpu to more"
        return Finding("gpus", "warn", f"{found}: the others wait", advice)
    return Finding("gpus", "ok", found)
