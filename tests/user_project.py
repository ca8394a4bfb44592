"""A user's folder with one configuration, and the command as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import hpo

ROOT = Path(hpo.__file__).resolve().parents[1]
NO_SYNC = {
    "PYTHONPATH": os.pathsep.join(
        [str(Path(__file__).parent / "no_sync"), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
}
TIMEOUT_S = 120.0  # for what takes seconds on an idle machine

CONFIG = """
import os, sys, time
from pathlib import Path
from hpo import loguniform, uniform, randint

HERE = Path(__file__).parent

def get_config_space():
    return {space}

def get_slurm_config():
    return {slurm}

def get_hpo_config():
    return {hpo}

def note(name, line):
    # One write a line: many processes append at once.
    descriptor = os.open(HERE / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (str(line) + "\\n").encode())
    os.close(descriptor)

def wait_for(name):
    end = time.monotonic() + 100
    while not (HERE / name).exists() and time.monotonic() < end:
        time.sleep(0.02)

def objective(config, trial):
    note("started.txt", trial.trial_id)
"""
TRAIN = """
for epoch in trial.epochs():
    trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)
"""
SPACE = '{"lr": loguniform(1e-4, 1.0), "max_epochs": 2}'


@dataclass
class Project:
    """What a user has: a folder with `search.py`."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    _children: list[subprocess.Popen[str] | subprocess.Popen[bytes]] = field(default_factory=list)

    def write(
        self, body: str = TRAIN, *, space: str = SPACE, slurm: str = "{}", **settings: Any
    ) -> Project:
        """`search.py` with the objective's `body`, and settings on top of the former ones."""
        base = {"n_trials": 4, "max_concurrent_jobs": 2, "seed": 7, "claim_timeout": 5}
        self.settings = {**base, "output_dir": "results", **self.settings, **settings}
        head = CONFIG.format(space=space, slurm=slurm, hpo=repr(self.settings))
        lines = "\n".join("    " + line for line in body.strip("\n").splitlines())
        (self.folder / "search.py").write_text(f"{head}{lines}\n", encoding="utf-8")
        return self

    @property
    def output(self) -> Path:
        return self.folder / str(self.settings.get("output_dir", "results"))

    def command(self, *arguments: str, executor: str | None = "local") -> list[str]:
        where = ["--executor", executor] if executor else []
        chosen = [] if "--config" in arguments else ["--config", "search.py"]
        return [sys.executable, "-m", "hpo", "run", *chosen, *where, *arguments]

    def run(
        self, *arguments: str, executor: str | None = "local", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """The command to its end; an end by an exception of the program is never right."""
        done = subprocess.run(
            self.command(*arguments, executor=executor),
            cwd=self.folder,
            env=os.environ | NO_SYNC | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def finish(self, *arguments: str, executor: str = "local", **environment: str) -> str:
        """Run to the end, with exit code 0; what was printed."""
        done = self.run(*arguments, executor=executor, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
        return done.stdout

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """The command in the background; ended with the test at the latest."""
        with (self.folder / f"output-{len(self._children)}.txt").open("w") as output:
            child = subprocess.Popen(
                self.command(*arguments),
                cwd=self.folder,
                env=os.environ | NO_SYNC | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self._children.append(child)
        return child

    def printed(self) -> str:
        """What the command started last has printed so far."""
        return (self.folder / f"output-{len(self._children) - 1}.txt").read_text()

    def started(self) -> Counter[int]:
        """How often each trial was started."""
        return Counter(int(line) for line in self.notes("started.txt"))

    def notes(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    def go(self, name: str = "go") -> None:
        """Let the trials that wait for a file of this name go on."""
        (self.folder / name).touch()

    def result(self, trial_id: int, output: Path | None = None) -> dict[str, Any]:
        """A result file, read as strictly as any JSON reader may."""
        path = (output or self.output) / "results" / f"trial_{trial_id}.json"
        found: dict[str, Any] = strict_json(path.read_text(encoding="utf-8"))
        return found

    def final(self, output: Path | None = None) -> dict[str, Any]:
        path = (output or self.output) / "final_results.json"
        found: dict[str, Any] = strict_json(path.read_text())
        return found

    def configs(self, output: Path | None = None) -> list[dict[str, Any]]:
        count = self.final(output)["n_trials"]
        return [self.result(trial_id, output)["config"] for trial_id in range(count)]

    def clean_up(self) -> None:
        """End what this test started: its managers, then the processes recorded as theirs."""
        for child in self._children:
            if child.poll() is None:
                child.kill()
            child.wait()
        for path in self.folder.glob("*/jobs/live/*.json"):
            record = json.loads(path.read_text())
            if record.get("pid"):
                _kill_seat(int(record["pid"]))


def _kill_seat(pid: int) -> None:
    try:
        process = psutil.Process(pid)
        if any(word.endswith("hpo/job/start.py") for word in process.cmdline()):
            process.kill()
    except psutil.Error:
        pass


@contextmanager
def user_project(folder: Path) -> Iterator[Project]:
    project = Project(folder)
    try:
        yield project
    finally:
        project.clean_up()


def strict_json(text: str) -> Any:
    """As a reader that knows standard JSON only."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = TIMEOUT_S) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}"
        time.sleep(0.03)


def kill(child: subprocess.Popen[str]) -> None:
    """As the out-of-memory killer does it."""
    child.send_signal(signal.SIGKILL)
    child.wait()
