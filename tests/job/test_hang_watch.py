"""Whether a process hangs, and its end: seen from beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from histories import make_layout
from user_project import wait_until

from hpo.folder import silence
from hpo.folder.files import AttemptFiles, Layout
from hpo.folder.offers import Leg
from hpo.job import hang_watch, processes
from hpo.job.hang_watch import Guard, Hang, HangWatch
from hpo.seats import silence as allowed
from hpo.trial.stack_signal import STACK_SIGNAL

CLAIM = Leg(3, 0, 0, "7")
SLEEPS = "import time\nprint('on', flush=True)\nwhile True: time.sleep(100)\n"
COMPUTES = "print('on', flush=True)\nwhile True: pass\n"
TREE = """
import signal, subprocess, sys
from hpo.trial.stack_signal import show_stack_on_signal
show_stack_on_signal()
stubborn = "trap '' TERM; while true; do sleep 100; done"
for own in (False, True):
    subprocess.Popen(["bash", "-c", stubborn], start_new_session=own)
def in_here():
    print("on", flush=True)
    while True: signal.pause()
in_here()
"""
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def started(code: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"on\n"
    return process


@pytest.fixture
def sleeping() -> Iterator[int]:
    with started(SLEEPS) as process:
        yield process.pid
        process.kill()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = make_layout(tmp_path)
    made.trial(3).mkdir()
    return made


def report(layout: Layout) -> None:
    path = AttemptFiles(layout.trial(3), 0).reports
    with path.open("a", encoding="utf-8") as file:
        file.write("{}\n")


def looked(watch: HangWatch, seconds: float, hang: Hang | None = None) -> Hang | None:
    """What it says until it is over, or so many seconds have passed."""
    until = time.monotonic() + seconds
    while hang is None and time.monotonic() < until:
        hang = watch.look()
        time.sleep(0.02)
    return hang


class TestLook:
    def test_without_a_report_a_trial_hangs_after_what_is_allowed(
        self, layout: Layout, sleeping: int
    ) -> None:
        watch = HangWatch(layout, CLAIM, 1.0, sleeping)
        assert looked(watch, 0.7) is None
        hang = looked(watch, 5.0)
        assert hang is not None
        assert not hang.leaving
        assert "hang_after is 1 s" in hang.message

    def test_each_report_is_a_sign_of_life(self, layout: Layout, sleeping: int) -> None:
        watch = HangWatch(layout, CLAIM, 1.0, sleeping)
        for _ in range(4):
            report(layout)
            assert looked(watch, 0.6) is None
        assert looked(watch, 5.0) is not None

    @on_linux
    def test_time_asleep_in_a_suspended_job_does_not_count(
        self, layout: Layout, sleeping: int
    ) -> None:
        watch = HangWatch(layout, CLAIM, 1.0, sleeping)
        os.kill(sleeping, signal.SIGSTOP)
        assert looked(watch, 2.0) is None
        os.kill(sleeping, signal.SIGCONT)
        assert looked(watch, 0.6) is None
        assert looked(watch, 5.0) is not None

    def test_time_in_which_the_watch_itself_could_not_look_does_not_count(
        self, layout: Layout, sleeping: int
    ) -> None:
        watch = HangWatch(layout, CLAIM, 1.0, sleeping)
        time.sleep(1.5)
        assert watch.look() is None
        assert looked(watch, 0.4) is None

    def test_nor_time_in_which_nobody_can_see_the_reports(
        self, layout: Layout, sleeping: int
    ) -> None:
        layout.trial(3).rmdir()
        layout.trial(3).write_text("no folder")  # which is another error than a missing file
        watch = HangWatch(layout, CLAIM, 0.5, sleeping)
        assert looked(watch, 1.5) is None

    def test_one_that_does_not_leave_when_asked_is_ended_sooner(
        self, layout: Layout, sleeping: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hang_watch, "allowed_leaving_s", lambda _known: 0.5)
        watch = HangWatch(layout, CLAIM, 60.0, sleeping, step_s=0.1)
        watch.step_s = 0.1
        assert looked(watch, 1.0) is None
        layout.leave.touch()
        hang = looked(watch, 5.0)
        assert hang is not None
        assert hang.leaving


class TestLearned:
    """With steps of 0.05 s in place of 30, and as many of them."""

    @pytest.fixture(autouse=True)
    def quick(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("LEAST_S", "FIRST_LEAST_S", "UNKNOWN_S"):
            monkeypatch.setattr(allowed, name, getattr(allowed, name) * 0.05 / 30.0)
        monkeypatch.setattr(hang_watch, "LONGEST_STEP_S", 0.05)
        monkeypatch.setattr(hang_watch, "SHORTEST_STEP_S", 0.05)

    def test_an_idle_trial_hangs_after_ten_minutes_where_reports_took_seconds(
        self, layout: Layout, sleeping: int
    ) -> None:
        watch = HangWatch(layout, CLAIM, "auto", sleeping)
        report(layout)
        assert looked(watch, 0.8) is None
        hang = looked(watch, 10.0)
        assert hang is not None
        assert "was the most that a report took before" in hang.message

    @on_linux
    def test_one_that_computes_is_given_longer(self, layout: Layout) -> None:
        with started(COMPUTES) as computing:
            watch = HangWatch(layout, CLAIM, "auto", computing.pid)
            report(layout)
            assert looked(watch, 2.5) is None
            assert looked(watch, 20.0) is not None
            computing.kill()

    def test_before_the_first_report_what_others_needed_counts(
        self, layout: Layout, sleeping: int
    ) -> None:
        assert looked(HangWatch(layout, CLAIM, "auto", sleeping), 4.0) is None
        silence.publish(layout, 0.001)
        assert looked(HangWatch(layout, CLAIM, "auto", sleeping), 15.0) is not None


@on_linux
def test_the_end_of_a_hang_shows_its_stack_and_leaves_nothing_behind(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hang_watch, "GRACE_S", 0.5)
    with started(TREE) as process:
        is_ended_for_good(layout, process, caplog)


def is_ended_for_good(
    layout: Layout, process: subprocess.Popen[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    assert process.stdout is not None
    tree = psutil.Process(process.pid)
    wait_until(lambda: len(tree.children(recursive=True)) == 4, "all of it runs")
    below = tree.children(recursive=True)
    guard = Guard(HangWatch(layout, CLAIM, 0.5, process.pid))
    with caplog.at_level("WARNING", logger="hpo"):
        wait_until(lambda: guard.look() is not None, "it is ended")
    assert process.wait(20) == -signal.SIGKILL
    assert b"in in_here" in process.stdout.read()
    assert not any(one.is_running() and one.status() != "zombie" for one in below)
    assert "trial 3 is to be ended: no report for" in caplog.text
    assert "(bash -c trap" in caplog.text
    assert guard.look() is guard.hang is not None


@on_linux
class TestProcesses:
    def test_a_signal_is_sent_only_where_it_is_caught(self, sleeping: int) -> None:
        assert STACK_SIGNAL is not None
        assert not processes.catches(sleeping, STACK_SIGNAL)
        assert processes.catches(sleeping, signal.SIGINT)  # python's own
        assert not processes.catches(2**22 + 1, STACK_SIGNAL)

    def test_a_process_that_is_gone_is_nothing(self) -> None:
        gone = 2**22 + 1
        assert processes.look(gone) is None
        assert not processes.lives(gone)
        assert processes.describe(gone) == f"process {gone} is gone"
        processes.kill([gone])
        assert processes.cpu_s([gone]) is None

    def test_one_that_has_ended_and_was_not_asked_about_does_not_live(self) -> None:
        process = subprocess.Popen([sys.executable, "-c", ""])
        wait_until(lambda: not processes.lives(process.pid), "it has ended")
        process.wait()

    def test_where_the_kernel_tells_nothing_psutil_does(
        self, sleeping: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(processes, "PROC", tmp_path)
        assert sleeping in processes.descendants(os.getpid())
        assert processes.descendants(2**22 + 1) == []
        assert processes.lives(sleeping)
        assert not processes.lives(2**22 + 1)
