"""What the GPUs of this job do: asked of NVML, or of `nvidia-smi` where its package is missing.

Owns which GPUs are meant, and which of their processes are the job's. Beside the trial, in a thread
of its own: it must cost nothing, may fail, and then says None, never 0.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

SMI_TIMEOUT_S = 30.0
_SMI = "nvidia-smi"
_QUERY = ["--format=csv,noheader,nounits"]


class Sample(NamedTuple):
    """One look at one GPU: use in %, memory in MB; None: it does not say.

    `ours`: whether a process of this job is on it. The memory is that of the job's processes where
    that is known, else of all.
    """

    use: float | None
    mem_mb: int | None
    mem_had_mb: int | None
    ours: bool | None


class _Process(NamedTuple):
    pid: int
    mem_mb: int | None


Reader = Callable[[], Sequence[Sample]]


def find_reader(visible: str | None) -> tuple[Reader, bool] | None:
    """What reads the GPUs, and whether that is cheap; None: nothing here can.

    `visible` is CUDA_VISIBLE_DEVICES: numbers, or names (of GPUs or of their MIG slices).
    """
    names = None if visible is None else [name.strip() for name in visible.split(",")]
    if names is not None:
        names = [name for name in names if name.isdigit() or name.startswith(("GPU-", "MIG-"))]
        if not names:
            return None
    with contextlib.suppress(Exception):  # because a driver may be missing or broken
        return _Nvml(names).read, True
    smi = _Smi(names)
    return (smi.read, False) if smi.read() else None


def _sample(
    use: float | None,
    device_mb: tuple[int | None, int | None],
    processes: Sequence[_Process] | None,
) -> Sample:
    """What a GPU tells of this job, from all that runs there."""
    used, had = device_mb
    ours = None if processes is None else _is_ours(processes)
    if ours is False:
        return Sample(0.0, 0, had, ours)
    mine = [p.mem_mb for p in processes or () if _is_below(p.pid, os.getpid())]
    known = [mem_mb for mem_mb in mine if mem_mb is not None]
    return Sample(use, sum(known) if known else used, had, ours)


def _is_ours(processes: Sequence[_Process]) -> bool | None:
    """None: in a container a driver may tell of processes that cannot be seen here."""
    if any(_is_below(p.pid, os.getpid()) for p in processes):
        return True
    return None if any(_parent(p.pid) is None for p in processes) else False


def _is_below(pid: int | None, ancestor: int) -> bool:
    for _ in range(64):
        if pid is None or pid <= 1:
            return False
        if pid == ancestor:
            return True
        pid = _parent(pid)
    return False


def _parent(pid: int) -> int | None:
    try:
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


class _Nvml:
    """NVML, by the package nvidia-ml-py."""

    def __init__(self, names: Sequence[str] | None) -> None:
        import pynvml  # type: ignore[import-not-found,import-untyped,unused-ignore]

        self._nvml: Any = pynvml
        pynvml.nvmlInit()
        if names is None:
            names = [str(number) for number in range(pynvml.nvmlDeviceGetCount())]
        self._gpus = [self._handle(name) for name in names]

    def _handle(self, name: str) -> Any:
        if name.isdigit():
            return self._nvml.nvmlDeviceGetHandleByIndex(int(name))
        return self._nvml.nvmlDeviceGetHandleByUUID(name)

    def read(self) -> list[Sample]:
        return [self._look(gpu) for gpu in self._gpus]

    def _look(self, gpu: Any) -> Sample:
        nvml = self._nvml
        rates = self._tried(lambda: nvml.nvmlDeviceGetUtilizationRates(gpu))  # not of MIG slices
        memory = self._tried(lambda: nvml.nvmlDeviceGetMemoryInfo(gpu))
        found = self._tried(lambda: nvml.nvmlDeviceGetComputeRunningProcesses(gpu))
        processes = None
        if found is not None:
            processes = [_Process(p.pid, _mb(getattr(p, "usedGpuMemory", None))) for p in found]
        device = (None, None) if memory is None else (_mb(memory.used), _mb(memory.total))
        return _sample(None if rates is None else float(rates.gpu), device, processes)

    def _tried(self, ask: Callable[[], Any]) -> Any:
        try:
            return ask()
        except self._nvml.NVMLError:
            return None


class _Smi:
    """The program `nvidia-smi`, which takes a moment of a CPU for each call."""

    def __init__(self, names: Sequence[str] | None) -> None:
        self._names = names

    def read(self) -> list[Sample]:
        gpus = list(_rows(["--query-gpu=index,uuid,utilization.gpu,memory.used,memory.total"], 5))
        users = list(_rows(["--query-compute-apps=gpu_uuid,pid,used_memory"], 3))
        samples = []
        for index, uuid, use, used, had in gpus:
            if self._names is None or index in self._names or _is_named(uuid, self._names):
                on_it = [_Process(int(p), _number(m)) for u, p, m in users if u == uuid]
                percent = _number(use)
                device = (_number(used), _number(had))
                use_percent = None if percent is None else float(percent)
                samples.append(_sample(use_percent, device, on_it))
        return samples


def _is_named(uuid: str, names: Sequence[str]) -> bool:
    """Names may be cut short, as CUDA allows."""
    return any(name.startswith("GPU-") and uuid.startswith(name) for name in names)


def _rows(query: list[str], columns: int) -> Iterator[list[str]]:
    import subprocess  # here, because only jobs with GPUs and without NVML's package need it

    try:
        done = subprocess.run(
            [_SMI, *query, *_QUERY],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SMI_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return
    for line in done.stdout.splitlines():
        row = [cell.strip() for cell in line.split(",")]
        if len(row) == columns:
            yield row


def _number(text: str) -> int | None:
    """None for `[N/A]`."""
    return int(text) if text.isdigit() else None


def _mb(size: int | None) -> int | None:
    return None if size is None else int(size) >> 20
