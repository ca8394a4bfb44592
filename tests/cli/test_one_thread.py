"""Models take one core, and jobs the environment that the user has."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECK = """
import os
import numpy
from hpo.cli.one_thread import import_linear_algebra

def threads():
    return len(os.listdir("/proc/self/task"))

before, environment = threads(), dict(os.environ)
import_linear_algebra()
import scipy.linalg
scipy.linalg.cholesky(numpy.eye(300))
assert dict(os.environ) == environment
print(threads() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted in /proc")
@pytest.mark.parametrize("said", [None, "1"])
def test_no_thread_comes_with_scipy_and_the_environment_stays(said: str | None) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    if said is not None:
        environment["OPENBLAS_NUM_THREADS"] = said
    done = subprocess.run(
        [sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "0"
