"""Forking trials from a process that has imported the user's code, as if each began afresh.

Owns the reasons against it (a GPU in use, threads, libraries that break in a forked process; a fork
that hangs in GNU's OpenMP hangs in a probe first), with which random numbers a forked trial begins,
and which exit functions are called at its end. Standard library only, because jobs of many trials
import it before the user's code; looks only at libraries that are imported already.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

MAPS = Path("/proc/self/maps")
PROBE_S = 2.0  # the probe takes milliseconds where it does not hang
LOOK_S = 0.002
# They start threads of their own when they are imported, and say themselves: do not fork.
_BREAK = ("jax", "tensorflow")


def danger() -> str | None:
    """Why no trial may be forked from this process; None: it may."""
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "importing the objective used the GPU"
    if threading.active_count() > 1:
        names = sorted(t.name for t in threading.enumerate() if t is not threading.main_thread())
        return f"importing the objective started threads ({', '.join(names)})"
    for name in _BREAK:
        if name in sys.modules:
            return f"{name} does not work in forked processes"
    libraries = _openmp_libraries()
    if libraries and not _works_forked(libraries):
        return "importing the objective computed with OpenMP, which hangs in forked processes"
    return None


def fork() -> int:
    """`os.fork`; a library's idle threads, which Python warns of, were looked into by `danger`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _openmp_libraries() -> list[str]:
    """GNU's, as loaded by torch or scikit-learn; those of LLVM and Intel survive a fork."""
    try:
        lines = MAPS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    fields = (line.split(maxsplit=5) for line in lines)
    return sorted({f[5] for f in fields if len(f) == 6 and "libgomp" in Path(f[5]).name})


def _works_forked(libraries: list[str]) -> bool:
    """Whether a forked process gets through a parallel region of these libraries."""
    import ctypes  # here, because few jobs need it

    child = fork()
    if child == 0:
        try:
            harmless = ctypes.cast(ctypes.CDLL(None).getpid, ctypes.c_void_p)
            for path in libraries:
                ctypes.CDLL(path).GOMP_parallel(harmless, None, 0, 0)
        finally:
            os._exit(0)
    deadline = time.monotonic() + PROBE_S
    while time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG)[0] == child:
            return True
        time.sleep(LOOK_S)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


@dataclass(slots=True)
class RandomStart:
    """The global random generators at the start of a forked trial.

    A fork copies numpy's generator, and all trials of one seat would draw the same numbers from it;
    Python seeds its own anew in each fork, whatever the user's code had seeded. The rule: what the
    user's code seeded while it was imported is the same in each trial, as in a fresh interpreter;
    what nobody seeded starts anew. Made before the user's code is imported; `imported` is told.
    """

    _state: Any = None

    def __post_init__(self) -> None:
        """Note where Python's generator stands."""
        import random  # here, because a fresh interpreter for one trial needs none

        self._state = random.getstate()

    def imported(self) -> None:
        """The user's code has been imported, and has seeded what it wants to."""
        import random

        state = random.getstate()
        self._state = None if state == self._state else state

    def begin(self) -> None:
        """In the forked process: what a fresh interpreter would begin with.

        Torch's own generator starts from one fixed seed in every process, and so needs nothing.
        """
        if self._state is not None:
            import random

            random.setstate(self._state)
        mtrand = sys.modules.get("numpy.random.mtrand")
        if mtrand is not None and _was_never_seeded(mtrand):
            mtrand.seed()


def _was_never_seeded(mtrand: Any) -> bool:
    # Numpy keeps what its generator came from until somebody calls numpy.random.seed or set_state.
    generator = getattr(mtrand, "_rand", None)
    return getattr(getattr(generator, "_bit_generator", None), "seed_seq", None) is not None


def forget_the_parents() -> None:
    """In a forked process, first of all: what is registered so far is the parent's business.

    Its exit functions would remove the parent's temporary folders and end its helpers.
    """
    atexit._clear()
    finalizers: Any = weakref.finalize
    for one in list(finalizers._registry):
        one.atexit = False
    finalizers._registered_with_atexit = False
    util: Any = sys.modules.get("multiprocessing.util")
    process: Any = sys.modules.get("multiprocessing.process")
    if util is not None and process is not None:  # as its own forked processes begin
        util._finalizer_registry.clear()
        process._children = set()
        atexit.register(util._exit_function)


def call_as_an_interpreter_does() -> None:
    """Wait for threads, call exit functions, write what is buffered; nothing of it may raise."""
    endings: tuple[Callable[[], Any], ...] = (
        threading._shutdown,  # type: ignore[attr-defined]
        atexit._run_exitfuncs,
        sys.stdout.flush,
        sys.stderr.flush,
    )
    for ending in endings:
        try:
            ending()
        except BaseException:  # because it is the user's code
            log.info("at the end of the trial's process", exc_info=True)
