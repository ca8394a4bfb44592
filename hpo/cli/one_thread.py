"""Linear algebra that leaves the other cores alone.

A model of some hundred points needs one thread. OpenBLAS takes as many as there are cores, and on a
machine whose cores train they wait for each other: a suggestion of `gp` took twenty times as long.
"""

from __future__ import annotations

import os
from importlib import import_module

LIMITS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def import_linear_algebra() -> None:
    """Import scipy's, which reads in the environment how many threads it may have.

    The environment is afterwards as it was: it is that of jobs too, which may take all cores. What
    the user set there stays.
    """
    unset = [name for name in LIMITS if name not in os.environ]
    os.environ.update(dict.fromkeys(unset, "1"))
    try:
        import_module("scipy.linalg")
    finally:
        for name in unset:
            del os.environ[name]
