"""`hpo watch` in a real terminal (tmux), beside a campaign on a real SLURM."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm
from user_project import ROOT

pytestmark = [pytest.mark.slurm, pytest.mark.slow]


class Terminal:
    """One that tmux makes."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", "/dev/null", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def start(self, *words: str, size: tuple[int, int] = (80, 24)) -> None:
        width, height = map(str, size)
        environment = f"PYTHONPATH={ROOT} SLURM_CONF={os.environ['SLURM_CONF']} COLUMNS=80 LINES=24"
        command = f"exec env {environment} {sys.executable} -m hpo watch {' '.join(words)}"
        self.tmux("new-session", "-d", "-s", "w", "-x", width, "-y", height, command)

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "w", *keys)

    def text(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "w")

    def sees(self, *words: str) -> None:
        def found() -> bool:
            return all(word in self.text() for word in words)

        try:
            wait_until(found, 120, f"{words}")
        except AssertionError as err:
            raise AssertionError(f"{err}\n{self.text()}") from err

    def process(self) -> psutil.Process:
        return psutil.Process(int(self.tmux("list-panes", "-t", "w", "-F", "#{pane_pid}")))


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        pytest.skip("NO TERMINAL: there is no tmux")
    terminal = Terminal(tmp_path / "tmux")
    yield terminal
    if (tmp_path / "tmux").exists():
        subprocess.run(["tmux", "-S", str(tmp_path / "tmux"), "kill-server"], check=False)


@pytest.mark.usefixtures("slurm")
def test_a_campaign_is_seen_steered_and_left(
    slurm: RealSlurm, tmp_path: Path, terminal: Terminal
) -> None:
    project = Project(tmp_path / "project", n_trials=16, epochs=200)
    manager = project.sbatch()
    wait_until(lambda: len(project.starts()) == 8, 120, "eight trials run")
    terminal.start(f"'{project.output}'")
    terminal.sees("results here  running", f"manager job {manager}", "alive", "8 running")
    terminal.press("3")
    terminal.sees("[3 log of 0]")
    terminal.press("2")
    terminal.sees("validation_error of trial 0", "│")
    terminal.press("4")
    terminal.sees("trials that ran at once", "8 │")
    watching = terminal.process()
    terminal.tmux("resize-window", "-t", "w", "-x", "160", "-y", "40")
    terminal.sees("results here  running", "trial 0, job", "epoch ")
    assert max(map(len, terminal.text().splitlines())) > 100
    before, began = sum(watching.cpu_times()[:2]), time.monotonic()
    time.sleep(5)
    used = (sum(watching.cpu_times()[:2]) - before) / (time.monotonic() - began)
    assert used < 0.2  # 2 % of a core; one that lost its terminal once took all that it got
    terminal.press("x")
    terminal.sees("Stop trial 0 of", "y: yes")
    terminal.press("y")
    terminal.sees("0 stopped", "1 stopped")
    terminal.press("N")
    terminal.sees("Stop the campaign", "y: yes")
    terminal.press("y")
    terminal.sees("to go on with the campaign later")
    terminal.press("Escape")
    terminal.sees("ended after", "stopped by the user")
    wait_until(lambda: not slurm.run("squeue", "-h", "-j", manager), 60, "its manager ends")
    terminal.press("q")
    wait_until(lambda: not watching.is_running(), 30, "it leaves")


@pytest.mark.usefixtures("slurm")
def test_it_ends_with_its_terminal(tmp_path: Path, terminal: Terminal) -> None:
    project = Project(tmp_path / "project", n_trials=2)
    assert project.run().returncode == 0
    terminal.start(f"'{project.output}'", "--readonly")
    terminal.sees("ended after", "2 completed", "looking on only")
    watching = terminal.process()
    terminal.tmux("kill-server")
    wait_until(lambda: not watching.is_running(), 30, "it ends")
