"""A trial that alone is asked to leave saves and leaves; its job takes the next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from seat_runs import SeatRun

from hpo.checkpoint import find
from hpo.folder import requests
from hpo.folder.requests import StopTrial

TRAIN = """
def objective(config, trial):
    state = {"epoch": 0}
    trial.restore(state=state)
    for epoch in trial.epochs():
        if (trial.trial_id, epoch) == (0, 2):
            (Path(os.environ["HPO_TRIAL_DIR"]) / "leave-a0").touch()
        state["epoch"] = epoch
        trial.report(epoch=epoch, loss=1.0 / epoch)
"""
SCRIPT = """
import os
from pathlib import Path
from hpo import Reporter

report = Reporter()
for epoch in range(1, 4):
    if (os.environ["HPO_TRIAL_ID"], epoch) == ("0", 2):
        (Path(os.environ["HPO_TRIAL_DIR"]) / "leave-a0").touch()
    report(epoch=epoch, loss=1.0 / epoch)
"""
THREE: dict[str, Any] = {"config": {"x": 1.0, "max_epochs": 3}, "target": 3}


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"trials_per_job": "auto"}, id="forked"),
        pytest.param({"trials_per_job": "auto", "trial_process": "same"}, id="same process"),
        pytest.param({"trials_per_job": 1}, id="one trial a job"),
    ],
)
def test_it_saves_and_leaves_and_its_job_goes_on(tmp_path: Path, settings: dict[str, Any]) -> None:
    seat = SeatRun(tmp_path, TRAIN, settings)
    seat.offer(3, **THREE)
    seat.run()
    left = seat.result(0)
    assert (left["status"], left["resource"]) == ("interrupted", 2)
    assert find(seat.layout.trial(0))[0].resource == 2
    alone = settings["trials_per_job"] == 1
    assert seat.done() == ([0] if alone else [0, 1, 2])
    assert seat.left() == ([1, 2] if alone else [])
    if not alone:
        assert left["goes_on"] is True
        assert [seat.result(i)["status"] for i in (1, 2)] == ["completed"] * 2


def test_a_script_is_ended_too(tmp_path: Path) -> None:
    script = tmp_path / "train_script.py"
    script.write_text(SCRIPT)
    line = {"objective": f"script:{script}", "trials_per_job": "auto"}
    seat = SeatRun(tmp_path, TRAIN, line)
    seat.offer(2, **THREE)
    seat.run()
    assert (seat.result(0)["status"], seat.result(0)["resource"]) == ("interrupted", 2)
    assert seat.result(1)["status"] == "completed"


def test_the_request_reaches_the_attempt_that_runs(tmp_path: Path) -> None:
    wait = "(HERE / 'second').touch(); wait()"
    waiting = TRAIN.replace('(Path(os.environ["HPO_TRIAL_DIR"]) / "leave-a0").touch()', wait)
    waiting += "def wait():\n    while not (HERE / 'go').exists(): time.sleep(0.02)\n"
    seat = SeatRun(tmp_path, waiting)
    seat.offer(2, **THREE)
    job = seat.start()
    while not (tmp_path / "second").exists():
        assert job.poll() is None
    requests.ask(seat.layout, StopTrial(0, "hal", 1.0))
    (tmp_path / "go").touch()
    printed, _ = job.communicate(timeout=100)
    assert job.returncode == 0, printed
    assert seat.result(0)["status"] == "interrupted"
    assert seat.done() == [0, 1]
