"""Real processes whose wall clock is set, again and again, while they run."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from simulation import STEPS_S
from user_project import Project, kill, user_project, wait_until

# Each Python that is started finds it: its wall clock is as wrong as a file says, at each look.
# Nothing else is, neither the machine's own clock nor a monotonic one. Disks are not synced.
SITE = """
import os, time
path = os.environ["WRONG_CLOCK"]
_time, _time_ns = time.time, time.time_ns

def wrong_s():
    try:
        with open(path) as file:
            return int(file.read())
    except FileNotFoundError:
        return 0

time.time = lambda: _time() + wrong_s()
time.time_ns = lambda: _time_ns() + 1_000_000_000 * wrong_s()
os.fsync = lambda descriptor: None
"""
TRAIN = """
for epoch in trial.epochs():
    time.sleep(0.1)
    trial.report(epoch=epoch, validation_error=abs(config["lr"] - 0.01) + 1 / epoch)
"""
SPACE = '{"lr": loguniform(1e-4, 1.0), "max_epochs": 4}'
TRIALS = 12
LONGEST_S = 60.0  # a trial takes 0.4 s on an idle machine; the least step but one is 600 s
HOUR_S = 3600


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with user_project(tmp_path) as project:
        yield project


class WrongClock:
    """The clock of what a project starts; it is right until two trials have begun."""

    def __init__(self, project: Project, next_wrong_s: Callable[[], float]) -> None:
        self.path = project.folder / "wrong_s"
        self._site = project.folder / "site"
        self._site.mkdir()
        (self._site / "sitecustomize.py").write_text(SITE)
        self._project = project
        self._next = next_wrong_s
        self._over = Event()
        self.steps = 0

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self._site), os.environ.get("PYTHONPATH", "")])
        return {"PYTHONPATH": path.rstrip(os.pathsep), "WRONG_CLOCK": str(self.path)}

    def set(self, wrong_s: float) -> None:
        whole = self.path.with_suffix(".new")
        whole.write_text(str(int(wrong_s)))
        whole.replace(self.path)

    def __enter__(self) -> WrongClock:
        self._thread = Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(0.3):
            if len(self._project.started()) >= 2:
                self.set(self._next())
                self.steps += 1


def at_random(seed: int) -> Callable[[], float]:
    dice = random.Random(seed)
    return lambda: dice.choice([0.0, *STEPS_S])


def back_for_good() -> float:
    return -HOUR_S


def forward_for_a_moment_and_back() -> Callable[[], float]:
    """Forward by a day for 0.3 s, then right for the rest."""
    steps = iter([86400.0])
    return lambda: next(steps, 0.0)


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"trials_per_job": 1}, at_random(1)),
        ({"trials_per_job": "auto"}, at_random(2)),
        ({"trials_per_job": 1}, back_for_good),
        ({"trials_per_job": "auto"}, forward_for_a_moment_and_back()),
    ],
    ids=["random", "random, jobs that stay", "back", "forward for a moment, jobs that stay"],
)
def test_a_clock_that_is_set_loses_nothing_and_delays_nothing(
    project: Project, settings: dict[str, Any], steps: Callable[[], float]
) -> None:
    project.write(TRAIN, space=SPACE, n_trials=TRIALS, max_concurrent_jobs=3, **settings)
    began = time.monotonic()
    with WrongClock(project, steps) as clock:
        child = project.start(**clock.environment)
        wait_until(lambda: len(project.started()) >= 7, "some trials have run")
        kill(child)  # and another manager, by another clock, goes on
        child = project.start(**clock.environment)
        assert child.wait(timeout=100) == 0, project.printed()
        assert clock.steps > 1
    took_s = time.monotonic() - began
    assert project.started() == dict.fromkeys(range(TRIALS), 1)
    require_sound_times(project, took_s)
    journal = (project.output / "journal.jsonl").read_text()
    assert "LegLost" not in journal
    assert "Reopened" not in journal


def require_sound_times(project: Project, took_s: float) -> None:
    for trial_id in range(TRIALS):
        result = project.result(trial_id)
        assert result["status"] == "completed"
        info = result["additional_info"]
        assert 0.3 < info["training_time"] < LONGEST_S
        assert info["end_time"] - info["start_time"] == pytest.approx(info["training_time"])
        elapsed = [report["elapsed"] for report in result["reports"]]
        assert elapsed == sorted(elapsed)
        assert 0.05 < elapsed[0] <= elapsed[-1] < LONGEST_S
    lines = (project.output / "journal.jsonl").read_text().splitlines()[1:]
    times = [json.loads(line)["time"] for line in lines]
    assert times == sorted(times)
    assert times[-1] - times[0] <= took_s + 1.0
