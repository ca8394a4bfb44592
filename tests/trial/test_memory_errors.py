"""Objectives whose memory runs out: what their results say of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from histories import make_layout, offer_files, take

from hpo.folder.files import read_json
from hpo.job import memory as kernel
from hpo.job.leg import finish_leg, run_leg
from hpo.job.orders import LegSettings, Surroundings
from hpo.record.goal import Goal

TORCH = (
    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.25 GiB of"
    " which 5.19 MiB is free. Including non-PyTorch memory, this process has 79.23 GiB in use."
)
OLD_TORCH = (
    "CUDA out of memory. Tried to allocate 2.00 GiB (GPU 1; 15.78 GiB total capacity; 14.56 GiB"
    " already allocated; 12.75 MiB free; 14.66 GiB reserved in total by PyTorch)"
)


@pytest.fixture
def result_of(tmp_path: Path) -> Callable[[Callable[..., Any]], dict[str, Any]]:
    """The standing result of a trial with that objective."""
    layout = make_layout(tmp_path)
    offer_files(layout, 0)

    def run(objective: Callable[..., Any]) -> dict[str, Any]:
        claim = take(layout, "7")
        settings = LegSettings("c", "x:objective", [], Goal("loss"), 1, 1.0)
        offer = read_json(layout.claims / claim.name)
        assert offer is not None
        here = Surroundings("7", "node1", lambda: 1.0, oom_kills=kernel.oom_kills)
        account = run_leg(layout, claim, offer, lambda: objective, settings, here)
        assert finish_leg(layout, account)
        standing = read_json(layout.result(0))
        assert isinstance(standing, dict)
        return standing

    return run


def raising(err: BaseException) -> Callable[..., None]:
    def objective(config: dict[str, Any], trial: Any) -> None:
        trial.report(epoch=1, loss=0.5)
        raise err

    return objective


def test_torchs_own_exception_is_a_configuration_that_does_not_fit(result_of: Any) -> None:
    torch = pytest.importorskip("torch")
    result = result_of(raising(torch.OutOfMemoryError(TORCH)))
    assert (result["status"], result["cause"]) == ("failed", "cuda_out_of_memory")
    assert result["error"] is None
    assert "does not fit on the GPU (GPU 0, 79.25 GiB): CUDA out of memory" in result["message"]
    assert "OutOfMemoryError" in result["traceback"]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (OLD_TORCH, "GPU (GPU 1, 15.78 GiB): CUDA"),
        ("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", "GPU: cuDNN"),
        ("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", "GPU: CUDA"),
        ("CUDA error: out of memory\nCUDA kernel errors might be asynchronous", "GPU: CUDA"),
        ("HIP out of memory. Tried to allocate 1 GiB", "GPU: HIP"),
        ("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes.", "GPU: RESOURCE"),
    ],
)
def test_other_libraries_say_it_in_a_runtime_error(result_of: Any, text: str, where: str) -> None:
    result = result_of(raising(RuntimeError(text)))
    assert result["cause"] == "cuda_out_of_memory"
    assert f"does not fit on the {where}" in result["message"]


@pytest.mark.parametrize(
    "err",
    [
        ValueError("not because of CUDA out of memory"),
        RuntimeError("CUDA error: an illegal memory access was encountered"),
        RuntimeError("the shop is out of memory cards"),
    ],
)
def test_other_exceptions_keep_their_names(result_of: Any, err: Exception) -> None:
    result = result_of(raising(err))
    assert result["cause"] == type(err).__name__
    assert result["message"] == str(err)


@pytest.mark.parametrize("text", ["", "Unable to allocate 7.45 GiB for an array"])
def test_a_memory_error_fails_the_trial_and_says_what_to_raise(result_of: Any, text: str) -> None:
    result = result_of(raising(MemoryError(text) if text else MemoryError()))
    assert (result["status"], result["cause"]) == ("failed", "MemoryError")
    assert text in result["message"]
    assert "raise `mem` in get_slurm_config()" in result["message"]


def test_a_script_that_printed_it_before_it_failed_counts_too(
    result_of: Any, tmp_path: Path
) -> None:
    from hpo.trial.script.objective import load_script

    script = tmp_path / "train.py"
    script.write_text(f"raise SystemExit('torch.OutOfMemoryError: {TORCH}')")
    result = result_of(load_script(script, None))
    assert result["cause"] == "cuda_out_of_memory"
    assert "(GPU 0, 79.25 GiB)" in result["message"]


@pytest.mark.parametrize(
    ("own", "counter"),
    [
        ("0::/system.slice/job_1/step_0\n", "system.slice/job_1/step_0/memory.events"),
        (
            "5:cpu,cpuacct:/other\n4:memory:/slurm/job_1\n0::/user.slice\n",
            "memory/slurm/job_1/memory.oom_control",
        ),
    ],
)
def test_the_kernels_counter_tells_that_a_child_was_killed_for_its_memory(
    result_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str, counter: str
) -> None:
    monkeypatch.setattr(kernel, "OWN_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(kernel, "GROUPS", tmp_path / "groups")
    assert kernel.oom_kills() == 0
    (tmp_path / "cgroup").write_text(own)
    assert kernel.oom_kills() == 0
    events = tmp_path / "groups" / counter
    events.parent.mkdir(parents=True)
    events.write_text("oom 3\noom_kill 1\noom_group_kill 0\n")
    assert kernel.oom_kills() == 1

    def objective(config: dict[str, Any], trial: Any) -> None:
        events.write_text("oom 4\noom_kill 2\n")
        raise RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed.")

    result = result_of(objective)
    assert (result["status"], result["cause"]) == ("failed", "out_of_memory")
    assert "killed for its memory, then: DataLoader worker (pid 7)" in result["message"]


def test_a_failure_long_after_a_kill_is_not_blamed_on_it(
    result_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "OWN_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(kernel, "GROUPS", tmp_path)
    (tmp_path / "cgroup").write_text("0::/\n")
    (tmp_path / "memory.events").write_text("oom_kill 5\n")
    assert kernel.oom_kills() == 5
    assert result_of(raising(ValueError("bad")))["cause"] == "ValueError"
