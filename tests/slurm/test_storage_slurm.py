"""What a real SLURM makes of a job whose files fail, and how soon a killed one is noticed."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from campaigns import Project, wait_until
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]

OBJECTIVE = """
def objective(config, trial):
    state = {"epoch": 0}
    trial.restore(state=state)
    for epoch in trial.epochs():
        state["epoch"] = epoch
        trial.report(epoch=epoch, validation_error=1 / epoch)
        if trial.trial_id == 0 and trial.attempt == 0:
            raise RuntimeError("saving failed") from OSError(28, "No space left on device")
        if trial.trial_id == 1:
            time.sleep(100.0)
"""


def _events(project: Project, kind: str) -> list[dict[str, Any]]:
    path = project.output / "journal.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [event for event in map(json.loads, lines) if event.get("event") == kind]


def test_a_job_without_room_ends_with_75_and_a_killed_one_is_noticed_within_a_poll(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=3)
    script = project.folder / "search.py"
    head = script.read_text().partition("def objective")[0]
    script.write_text(head.replace('"poll_interval": 5', '"poll_interval": 15') + OBJECTIVE)
    running = threading.Thread(target=project.run)
    running.start()
    attempt = project.output / "trials" / "trial_1" / "attempt-a0.json"
    wait_until(attempt.exists, 90, "trial 1 runs")
    time.sleep(3.0)
    os.kill(json.loads(attempt.read_text())["pid"], signal.SIGKILL)
    died_at = time.time()
    wait_until(lambda: len(_events(project, "LegLost")) == 2, 90, "both losses are seen")
    lost = {event["trial_id"]: event for event in _events(project, "LegLost")}
    assert lost[0]["cause"] == "storage"
    assert "could not use the campaign's files" in lost[0]["message"]
    assert lost[0]["resource"] == 1
    assert lost[1]["cause"] == "killed"
    assert lost[1]["time"] - died_at < 15 + 10  # one poll; the grace of 5 s; what the tools take
    assert 0.5 < lost[1]["lost_s"] < 30.0  # less what a claim is seen late
    running.join(180)
    final = project.final()
    assert final is not None
    assert (final["n_completed"], final["n_failed"], final["lost_legs"]) == (2, 1, 2)
    assert [r["status"] for r in project.results()] == ["completed", "failed", "completed"]
    assert [report["epoch"] for report in project.results()[0]["reports"]] == [1, 2]
