"""Exceptions of an objective that mean that memory ran out, and what to say about them.

In the words of torch, its libraries and jax, none of which is imported.
"""

from __future__ import annotations

import re

from hpo.errors import ScriptError

CUDA_OUT_OF_MEMORY = "cuda_out_of_memory"

_GPU_WORDS = re.compile(
    r"(CUDA|HIP|XPU) out of memory|CUDA(?: driver)? error: out of memory"
    r"|CUDNN_STATUS_ALLOC_FAILED|CUBLAS_STATUS_ALLOC_FAILED|RESOURCE_EXHAUSTED: Out of memory",
)
# torch from 2.2 on, and before
_CAPACITY = re.compile(
    r"GPU (?P<gpu>\d+) has a total capacity of (?P<size>[\d.]+ \w+)"
    r"|GPU (?P<old_gpu>\d+); (?P<old_size>[\d.]+ \w+) total capacity"
)


def cause_and_message(err: BaseException, text: str) -> tuple[str, str]:
    """The cause under which the failure is counted, and its message; `text` is that of `err`."""
    if _is_of_gpu(err, text):
        return CUDA_OUT_OF_MEMORY, f"the configuration does not fit on the GPU{_size(text)}: {text}"
    if isinstance(err, MemoryError):
        words = text or "Python was refused the memory that it asked for"
        return type(err).__name__, f"{words}; raise `mem` in get_slurm_config(), or load less"
    return type(err).__name__, text


def _is_of_gpu(err: BaseException, text: str) -> bool:
    """Whether the memory of a GPU ran out: torch's own exception, or a general one that says so."""
    kinds = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(err).__mro__}
    if ("torch", "OutOfMemoryError") in kinds:
        return True
    return isinstance(err, (RuntimeError, ScriptError)) and _GPU_WORDS.search(text) is not None


def _size(text: str) -> str:
    match = _CAPACITY.search(text)
    if match is None:
        return ""
    return f" (GPU {match['gpu'] or match['old_gpu']}, {match['size'] or match['old_size']})"
