"""Which exceptions of users' code a signal to one of its processes may be behind."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from script_runs import make_trial, run, writer

from hpo.errors import ScriptError
from hpo.trial.exceptions import looks_killed


@pytest.mark.parametrize(
    "err",
    [
        RuntimeError("DataLoader worker (pid 17) is killed by signal: Terminated. "),
        RuntimeError("DataLoader worker (pid(s) 17, 18) exited unexpectedly"),
        RuntimeError("[../gloo/transport/tcp/pair.cc:534] Connection closed by peer [::1]:4711"),
        Exception("process 1 terminated with signal SIGTERM"),
        Exception("train.py FAILED\n  exitcode  : -15 (pid: 17)"),
        EOFError(),
        ConnectionResetError(104, "reset"),
        BrokenPipeError(),
        ScriptError("trial 3: the script t.py ended with exit code 143; it printed last:\nepoch 3"),
    ],
    ids=repr,
)
def test_the_words_of_those_who_lost_a_process(err: BaseException) -> None:
    assert looks_killed(err)
    outer = ValueError("no batch")
    outer.__cause__ = err
    assert looks_killed(outer)


def test_python_itself_tells_of_a_child_that_was_killed() -> None:
    killed = [sys.executable, "-c", "import os; os.kill(os.getpid(), 15)"]
    with pytest.raises(subprocess.CalledProcessError) as of_subprocess:
        subprocess.run(killed, check=True)
    assert looks_killed(of_subprocess.value)
    with ProcessPoolExecutor(1) as pool, pytest.raises(BrokenProcessPool) as of_pool:
        pool.submit(__import__("os")._exit, 1).result()
    assert looks_killed(of_pool.value)


def test_a_script_that_was_killed(tmp_path: Path) -> None:
    script = writer(tmp_path)("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)")
    with pytest.raises(ScriptError) as caught:
        run(script, make_trial(tmp_path))
    assert looks_killed(caught.value)


class MuteError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "err",
    [ValueError("learning rate must be positive"), KeyError("x"), MuteError(), ZeroDivisionError()],
    ids=lambda err: type(err).__name__,
)
def test_a_fault_of_the_codes_own(err: BaseException) -> None:
    assert not looks_killed(err)
