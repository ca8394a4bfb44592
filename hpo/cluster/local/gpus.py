"""The GPUs of this machine, and whether a trial can have what it asks for.

Looks only; handing them out is `local`'s.
"""

from __future__ import annotations

import logging
import os
import re
import subprocess

log = logging.getLogger(__name__)


def gpu_problems(gpus: int) -> list[str]:
    """What speaks against `gpus` GPUs a trial; without any, trials use the CPU, and it is said."""
    found = len(visible_gpus()) if gpus else 0
    if gpus and not found:
        log.warning("this machine shows no GPU: the trials run on its CPU")
    elif gpus > found:
        return [f"slurm.gpus: a trial asks for {gpus} GPUs and this machine has {found}"]
    return []


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, by the names that CUDA_VISIBLE_DEVICES takes."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    try:
        command = ["nvidia-smi", "-L"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return listed_gpus(done.stdout)


def listed_gpus(text: str) -> list[str]:
    """The names in what `nvidia-smi -L` prints: numbers, and of a GPU that is cut up its slices.

    CUDA uses of such a GPU one slice, which has a name only.
    """
    names: list[str] = []
    whole = ""  # the number of the last GPU, while no slice of it has been seen
    for line in text.splitlines():
        if gpu := re.match(r"GPU (\d+):", line):
            names.append(whole := gpu[1])
        elif slice_ := re.match(r"\s+MIG .*\(UUID:\s*(MIG-[^\s)]+)\)", line):
            names[-1:] = [slice_[1]] if names[-1] == whole else [names[-1], slice_[1]]
    return names
