"""Ctrl-C in a terminal, once and twice: real processes on a pseudo-terminal."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from user_project import NO_SYNC, TRAIN, Project, user_project, wait_until

CTRL_C = b"\x03"


class Terminal:
    """The command in the foreground of a terminal, as after typing it."""

    def __init__(self, project: Project) -> None:
        self.shown = b""
        master, slave = pty.openpty()
        self._master = master
        self.child = subprocess.Popen(
            project.command(),
            cwd=project.folder,
            env=os.environ | NO_SYNC,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(slave)
        project._children.append(self.child)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def end(self) -> int:
        code = self.child.wait(timeout=60)
        self._reader.join(timeout=10)
        os.close(self._master)
        return code

    def _read(self) -> None:
        while self.child.poll() is None or select.select([self._master], [], [], 0.1)[0]:
            if select.select([self._master], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self._master, 65536)
                except OSError:
                    return


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project.write('wait_for("go")' + TRAIN)


def begun(project: Project) -> Terminal:
    terminal = Terminal(project)
    wait_until(lambda: terminal.shown.count(b"started, job") == 2, "two trials run")
    return terminal


def seats(project: Project) -> list[psutil.Process]:
    from test_cli_resume import live_pids

    return [psutil.Process(pid) for pid in live_pids(project)]


def finish(project: Project) -> None:
    project.go()
    project.finish()
    assert project.started() == dict.fromkeys(range(4), 1)
    assert [project.result(i)["status"] for i in range(4)] == ["completed"] * 4


def test_once_leaves_the_jobs_running_and_says_what_to_type(project: Project) -> None:
    terminal = begun(project)
    terminal.type(CTRL_C)
    assert terminal.end() == 75
    assert b"leaving in a moment; Ctrl-C again leaves at once" in terminal.shown
    flat = b" ".join(terminal.shown.split())
    assert b"2 running and 0 waiting jobs go on by themselves" in flat
    assert b"to go on: hpo run" in flat
    assert b"to stop the jobs too: hpo stop " in flat
    assert len(seats(project)) == 2
    assert not (project.output / "manager.lock").exists()
    finish(project)


def test_twice_ends_the_manager_at_once_and_loses_nothing(project: Project) -> None:
    terminal = begun(project)
    before = seats(project)
    os.kill(terminal.child.pid, signal.SIGSTOP)  # so that both come before it can leave
    terminal.type(CTRL_C)
    os.kill(terminal.child.pid, signal.SIGCONT)
    wait_until(lambda: b"Ctrl-C again" in terminal.shown, "it heard the first")
    with contextlib.suppress(ProcessLookupError):
        os.kill(terminal.child.pid, signal.SIGINT)
    assert terminal.end() in (-signal.SIGINT, 75)  # it may just have left in order
    assert terminal.shown.rindex(b"\x1b[?25h") > terminal.shown.rindex(b"\x1b[?25l")
    assert seats(project) == before
    finish(project)


def test_the_lock_of_a_manager_that_ended_at_once_is_taken_over(project: Project) -> None:
    """The second Ctrl-C in the middle of a step that takes long: a disk that does not answer."""
    slow = project.folder / "sitecustomize.py"
    slow.write_text(
        "import os, sys, time\n"
        "def fsync(_):\n"
        "    if os.path.exists('slow') and 'run' in sys.argv: time.sleep(60)\n"
        "os.fsync = fsync\n"
    )
    path = os.pathsep.join([str(project.folder), os.environ.get("PYTHONPATH", "")])
    child = project.start(PYTHONPATH=path)
    wait_until(lambda: project.printed().count("started, job") == 2, "two trials run")
    project.go("slow")
    project.go()  # both end, and the manager is to journal it
    wait_until(lambda: len(list(project.output.glob("results/*.json"))) == 2, "both have ended")
    child.send_signal(signal.SIGINT)
    wait_until(lambda: "Ctrl-C again" in project.printed(), "it heard the first")
    assert child.poll() is None
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=10) == -signal.SIGINT
    assert (project.output / "manager.lock").exists()
    (project.folder / "slow").unlink()
    finish(project)
