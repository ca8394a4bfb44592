"""Whether SLURM would take a job of the campaign, and which of its wishes is too large.

Pure: it judges what was read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from hpo.cluster.slurm.preflight import Tried
from hpo.cluster.slurm.site import Nodes
from hpo.doctor.finding import Finding
from hpo.doctor.wish import Wish
from hpo.units.slurm import memory_text

# What SLURM says of a wrong option, and the settings behind it.
_CAUSES = (
    (r"partition", "slurm.partition"),
    (r"account", "slurm.account"),
    (r"qos", "slurm.qos"),
    (r"feature", "slurm.constraint"),
    (r"gres|generic resource", "slurm.gpus and slurm.gpu_type"),
    (r"time limit", "slurm.time"),
    (r"memory", "slurm.mem"),
    (r"reservation", "the reservation in slurm.extra"),
    (r"node configuration", "slurm.gpus, slurm.gpu_type, slurm.mem and slurm.cpus_per_task"),
)


def request(answer: Tried | None, asked: str) -> Finding:
    """What `sbatch --test-only` says; `answer` None: nothing."""
    name = "request"
    if answer is None:
        return Finding(name, "unknown", "sbatch --test-only was not answered")
    if answer.refused:
        words = " ".join(answer.refused.split())
        return Finding(name, "fail", f"SLURM refuses the jobs: {words} ({asked})", _mending(words))
    when = f"; it plans such a job for {answer.starts} now" if answer.starts else ""
    return Finding(name, "ok", f"SLURM takes the jobs ({asked}){when}")


def is_told(answer: Finding, resources: Sequence[Finding]) -> bool:
    """Whether a refusal says no more than what was found of the resources."""
    vague = "node configuration is not available" in answer.found
    return vague and any(one.verdict == "fail" for one in resources)


def _mending(words: str) -> str:
    for pattern, settings in _CAUSES:
        if re.search(pattern, words, re.IGNORECASE):
            return f"change {settings}"
    return "change what SLURM names in the section slurm of the configuration"


def resources(nodes: Sequence[Nodes], wish: Wish, max_mem_mb: int) -> list[Finding]:
    """Whether a node has what one job asks for, resource by resource."""
    if not nodes:
        return [Finding("nodes", "unknown", "SLURM tells of no nodes in the partition")]
    found = [_gpus(nodes, wish)]
    most_mb = max(node.mem_mb for node in nodes)
    found.append(_memory(wish.size.mem_mb, max_mem_mb, most_mb))
    most_cpus = max(node.cpus for node in nodes)
    if wish.cpus is not None and wish.cpus > most_cpus:
        found.append(
            Finding(
                "cpus",
                "fail",
                f"a job asks for {wish.cpus} cores, and no node of the partition has more than "
                f"{most_cpus}",
                f"set slurm.cpus_per_task to {most_cpus} or less",
            )
        )
    elif wish.cpus is not None:
        found.append(Finding("cpus", "ok", f"{wish.cpus} of {most_cpus} that a node has"))
    return found


def _gpus(nodes: Sequence[Nodes], wish: Wish) -> Finding:
    name = "gpus"
    if wish.gpus_elsewhere:
        return Finding(name, "ok", "slurm.extra asks for them: see what SLURM says of the request")
    if wish.gpus == 0:
        has = any(node.gpus for node in nodes)
        idle = "; the nodes have some" if has else ""
        return Finding(name, "ok", f"none is asked for (slurm.gpus is 0){idle}")
    kind = wish.gpu_type
    types = sorted({one for node in nodes for one in node.gpus if one})
    counts = [sum(node.gpus.values()) if kind is None else node.gpus.get(kind, 0) for node in nodes]
    most = max(counts)
    told = f"{kind} GPUs" if kind else "GPUs"
    if most == 0 and kind is not None:
        there = f"set it to one of {', '.join(types)}" if types else "leave it out: none is named"
        return Finding(
            name, "fail", f"no node of the partition has {told}", f"slurm.gpu_type: {there}"
        )
    if most == 0:
        return Finding(
            name,
            "fail",
            "no node of the partition has a GPU",
            "choose another slurm.partition, or set slurm.gpus to 0",
        )
    if wish.gpus > most:
        return Finding(
            name,
            "fail",
            f"a job asks for {wish.gpus} {told}, and no node of the partition has more than {most}",
            f"set slurm.gpus to {most} or less",
        )
    return Finding(name, "ok", f"{wish.gpus} of {most} {told} that a node has")


def _memory(wanted_mb: int | None, max_mem_mb: int, most_mb: int) -> Finding:
    name = "mem"
    if not wanted_mb:
        return Finding(name, "ok", "no size is asked for")
    if wanted_mb > most_mb:
        return Finding(
            name,
            "fail",
            f"a job asks for {memory_text(wanted_mb)}, and no node of the partition has more than "
            f"{memory_text(most_mb)}",
            f"set slurm.mem to {memory_text(most_mb)} or less",
        )
    if max_mem_mb > most_mb:
        return Finding(
            name,
            "warn",
            f"{memory_text(wanted_mb)} fit, but not max_mem, {memory_text(max_mem_mb)}: a trial "
            "that runs out of memory is not tried with more",
            f"set slurm.max_mem to {memory_text(most_mb)} or less",
        )
    return Finding(
        name, "ok", f"{memory_text(wanted_mb)} of {memory_text(most_mb)} that a node has"
    )
