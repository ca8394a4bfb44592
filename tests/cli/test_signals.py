"""The manager's request to leave: never lost, never in the way, whenever the signal comes."""

from __future__ import annotations

import subprocess
import sys
import time

from hpo.cli.signals import LeaveRequest

# Signals as fast as a timer can send them, into a process that does nothing but look and sleep.
BARRAGE = """
import signal, time
from hpo.cli.signals import LeaveRequest
for _ in range(3000):
    leave = LeaveRequest()
    leave.listen()
    signal.signal(signal.SIGALRM, leave._ask)
    signal.setitimer(signal.ITIMER_REAL, 1e-5, 1e-4)
    while not leave.is_set():
        leave.sleep(0.001)
    signal.setitimer(signal.ITIMER_REAL, 0)
    leave.close()

print("left")
"""


def test_it_is_woken_at_whatever_instant_the_signal_comes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BARRAGE], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("left\n", "")


def test_without_a_signal_it_sleeps_as_long_as_asked() -> None:
    leave = LeaveRequest()
    start = time.monotonic()
    leave.sleep(0.05)
    leave.sleep(-1.0)
    assert time.monotonic() - start >= 0.05
    assert not leave.is_set()
