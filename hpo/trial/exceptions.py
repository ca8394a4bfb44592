"""What an exception out of an objective may mean: memory ran out, a signal ended a process.

Owns the words in which Python, torch, its libraries and launchers, and jax say so, none of which is
imported. Whether a job was asked to leave, the job knows. No I/O.
"""

from __future__ import annotations

import re

from hpo.errors import ScriptError

CUDA_OUT_OF_MEMORY = "cuda_out_of_memory"

# Compiled where they are needed, because most jobs fail with nothing.
_GPU_WORDS = (
    r"(CUDA|HIP|XPU) out of memory|CUDA(?: driver)? error: out of memory"
    r"|CUDNN_STATUS_ALLOC_FAILED|CUBLAS_STATUS_ALLOC_FAILED|RESOURCE_EXHAUSTED: Out of memory"
)
# torch from 2.2 on, and before
_CAPACITY = (
    r"GPU (?P<gpu>\d+) has a total capacity of (?P<size>[\d.]+ \w+)"
    r"|GPU (?P<old_gpu>\d+); (?P<old_size>[\d.]+ \w+) total capacity"
)
_KILLED_WORDS = (
    r"(?i)signal|SIG[A-Z]{3,4}\b|terminated|killed|abruptly|exited unexpectedly|died|broken pipe"
    r"|connection (was )?(closed|reset|refused|aborted)|exit ?code\W{0,6}(-\d|1[34]\d\b)"
)
_CHAIN = 20  # exceptions behind an exception that are looked at


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
    is_general = isinstance(err, (RuntimeError, ScriptError))
    return is_general and re.search(_GPU_WORDS, text) is not None


def _size(text: str) -> str:
    match = re.search(_CAPACITY, text)
    if match is None:
        return ""
    return f" (GPU {match['gpu'] or match['old_gpu']}, {match['size'] or match['old_size']})"


def looks_killed(err: BaseException) -> bool:
    """Whether a process that was ended by a signal may have led to this: only a suspicion."""
    behind: BaseException | None = err
    for _ in range(_CHAIN):
        if behind is None:
            return False
        if _tells_of_an_end(behind):
            return True
        behind = behind.__cause__ or behind.__context__
    return False


def _tells_of_an_end(err: BaseException) -> bool:
    if isinstance(err, (EOFError, ConnectionError)):  # the other end of a pipe or socket has gone
        return True
    try:
        return re.search(_KILLED_WORDS, str(err)) is not None
    except Exception:  # noqa: BLE001  # because user code writes __str__ too
        return False
