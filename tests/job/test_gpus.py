"""What is seen of GPUs: by a stand-in for NVML's package, and by one for `nvidia-smi`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from user_project import Project, user_project

import hpo
from hpo.job.gpu_use import FIRST_S, LAST_S, UNUSED_S, GpuUse
from hpo.job.gpus import Sample, find_reader

UUIDS = ("GPU-aaaa1111", "GPU-bbbb2222", "MIG-cccc3333")


class NVMLError(Exception):
    pass


class FakeNvml(ModuleType):
    """Two GPUs and a slice; the first is used by this process, the second by a stranger."""

    NVMLError = NVMLError

    def __init__(self) -> None:
        super().__init__("pynvml")
        mine, stranger = (
            SimpleNamespace(pid=pid, usedGpuMemory=mb << 20)
            for pid, mb in ((os.getpid(), 700), (1, 900))
        )
        self.processes: list[Any] = [[mine], [stranger], [mine]]
        self.use: list[Any] = [40, 80, None]

    def nvmlInit(self) -> None:  # noqa: N802
        pass

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:  # noqa: N802
        return UUIDS.index(uuid)

    def nvmlDeviceGetUtilizationRates(self, gpu: int) -> Any:  # noqa: N802
        if self.use[gpu] is None:
            raise NVMLError("Not Supported")
        return SimpleNamespace(gpu=self.use[gpu])

    def nvmlDeviceGetMemoryInfo(self, gpu: int) -> Any:  # noqa: N802
        return SimpleNamespace(used=(1000 + gpu) << 20, total=81_000 << 20)

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: int) -> Any:  # noqa: N802
        if self.processes[gpu] is None:
            raise NVMLError("Not Supported")
        return self.processes[gpu]


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    fake = FakeNvml()
    monkeypatch.setitem(sys.modules, "pynvml", fake)
    return fake


def read(visible: str | None) -> list[Sample]:
    found = find_reader(visible)
    assert found is not None
    return list(found[0]())


@pytest.mark.parametrize("visible", ["0", UUIDS[0]])
def test_the_use_and_the_jobs_own_memory_are_told(nvml: FakeNvml, visible: str) -> None:
    assert read(visible) == [Sample(40.0, 700, 81_000, True)]


def test_what_a_stranger_does_on_a_gpu_is_not_the_jobs(nvml: FakeNvml) -> None:
    assert read("1") == [Sample(0.0, 0, 81_000, False)]
    assert len(read(None)) == 2


def test_a_slice_does_not_tell_its_use(nvml: FakeNvml) -> None:
    assert read(UUIDS[2]) == [Sample(None, 700, 81_000, True)]


def test_where_processes_cannot_be_told_apart_the_whole_gpu_counts(nvml: FakeNvml) -> None:
    nvml.processes[0] = None
    assert read("0") == [Sample(40.0, 1000, 81_000, None)]
    nvml.processes[0] = [SimpleNamespace(pid=2**22 + 7, usedGpuMemory=None)]  # of no process here
    assert read("0") == [Sample(40.0, 1000, 81_000, None)]


@pytest.mark.parametrize("visible", ["", "-1", "NoDevFiles"])
def test_a_job_that_may_use_none_is_not_looked_at(nvml: FakeNvml, visible: str) -> None:
    assert find_reader(visible) is None


def smi(folder: Path, *, use: str = "55", pid: int | None = None) -> Path:
    """A program that answers as nvidia-smi does, for GPUs 0 and 1."""
    user = "" if pid is None else f"echo '{UUIDS[0]}, {pid}, 600'"
    folder.mkdir(exist_ok=True)
    path = folder / "nvidia-smi"
    path.write_text(
        f"""#!/bin/sh
case "$1" in
-L) echo "GPU 0: NVIDIA Stand-in (UUID: {UUIDS[0]})";;
--query-gpu=*) echo "0, {UUIDS[0]}, {use}, 900, 40000"; echo "1, {UUIDS[1]}, 1, 2, 40000";;
--query-compute*) {user or ":"};;
esac
"""
    )
    path.chmod(0o755)
    return folder


@pytest.fixture
def without_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)


@pytest.mark.usefixtures("without_nvml")
@pytest.mark.parametrize("visible", ["0", UUIDS[0], "GPU-aaaa"])
def test_without_the_package_nvidia_smi_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str
) -> None:
    monkeypatch.setenv("PATH", f"{smi(tmp_path, pid=os.getpid())}:{os.environ['PATH']}")
    found = find_reader(visible)
    assert found is not None
    read, cheap = found
    assert list(read()) == [Sample(55.0, 600, 40_000, True)]
    assert not cheap
    smi(tmp_path, use="[N/A]", pid=os.getpid())
    assert list(read()) == [Sample(None, 600, 40_000, True)]
    smi(tmp_path)
    assert list(read()) == [Sample(0.0, 0, 40_000, False)]


@pytest.mark.usefixtures("without_nvml")
def test_without_either_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_reader("0") is None


def followed(samples: list[list[Sample]], step_s: float) -> GpuUse:
    use = GpuUse(iter(samples).__next__, 0.0, cheap=True)
    for number in range(len(samples)):
        use.look((number + 1) * step_s)
    return use


BUSY, IDLE = Sample(50.0, 700, 80_000, True), Sample(0.0, 0, 80_000, False)


def test_the_mean_is_over_time_and_the_memory_is_the_most() -> None:
    more = BUSY._replace(use=100.0, mem_mb=900)
    use = GpuUse(iter([[BUSY], [more], [BUSY]]).__next__, 0.0, cheap=True)
    for now in (10.0, 20.0, 40.0):
        use.look(now)
    assert use.told() == (62.5, 900, 80_000)


def test_what_nobody_tells_is_none_and_never_zero() -> None:
    unknown = Sample(None, None, None, None)
    use = followed([[unknown]] * 20, 60.0)
    assert use.told() == (None, None, None)
    assert use.unused_since_s(1200.0) is None
    assert followed([[]], 1.0).told() == (None, None, None)


def test_no_use_for_minutes_is_no_use_and_any_sign_of_it_is_use() -> None:
    assert followed([[IDLE]] * 4, 60.0).unused_since_s(UNUSED_S - 1) is None
    assert followed([[IDLE]] * 6, 60.0).unused_since_s(360.0) == 360.0
    assert followed([[IDLE], [BUSY], *[[IDLE]] * 5], 60.0).unused_since_s(420.0) is None
    loading = Sample(0.0, 300, 80_000, True)  # its data is still on the way
    assert followed([[loading]] * 6, 60.0).unused_since_s(360.0) is None
    assert followed([[IDLE, BUSY]] * 6, 60.0).unused_since_s(360.0) is None


def test_looks_become_rarer() -> None:
    use = GpuUse(lambda: [IDLE], 0.0, cheap=True)
    times: list[float] = []
    while len(times) < 8:
        times.append(use.due)
        use.look(use.due)
    pauses = [b - a for a, b in zip([0.0, *times], times, strict=False)]
    assert pauses[:3] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S]
    assert pauses[-1] == LAST_S


TRAIN = """
import hpo.job.gpu_use
hpo.job.gpu_use.UNUSED_S = 1.0
for epoch in trial.epochs():
    time.sleep(2.3)
    trial.report(epoch=epoch, validation_error=1.0)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as found:
        yield found


@pytest.mark.parametrize("use", ["12", "0"])
def test_a_campaign_tells_how_its_gpus_were_used(project: Project, use: str) -> None:
    project.write(TRAIN, slurm='{"gpus": 1}', n_trials=2)
    path = f"{smi(project.folder / 'bin', use=use)}:{os.environ['PATH']}"
    if use != "0":  # as in a container, where the driver's processes have other numbers
        smi(project.folder / "bin", use=use, pid=2**22 + 7)
    printed = project.finish(PATH=path)
    trials = hpo.load_campaign(project.output).trials
    assert list(trials["gpu_use"]) == [float(use)] * 2
    assert list(trials["gpu_mem_mb"]) == ([900, 900] if use != "0" else [0, 0])
    assert ("trained on the CPU of a GPU job" in printed) == (use == "0")
    assert printed.count("trained on the CPU") <= 1
    assert f"legs used {use} % of theirs on average" in printed
    assert "num_workers" in printed
    why = subprocess.run(
        [sys.executable, "-m", "hpo", "why", str(project.output), "0"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"GPU {use} % used, GPU memory " in why.stdout


def test_a_campaign_without_gpus_says_nothing_of_them(project: Project) -> None:
    printed = project.write(n_trials=1).finish()
    assert "GPUs:" not in printed
    assert "gpu_use" not in project.result(0)["additional_info"]
    assert project.final()["gpu_use_percent"] is None
    assert hpo.load_campaign(project.output).trials["gpu_use"].isna().all()
