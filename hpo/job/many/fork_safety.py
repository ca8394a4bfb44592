"""Whether trials may be forked from this process, once the user's code is imported.

Owns the reasons against it: a GPU in use, threads, and libraries that break in a forked process.
What cannot be read off is tried: a fork that hangs in GNU's OpenMP hangs in a probe first. Standard
library only, because every job imports it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import Any

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
