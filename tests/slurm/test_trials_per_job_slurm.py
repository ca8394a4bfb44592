"""Jobs of a real SLURM that take one trial after the other."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from campaigns import Project
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow]


def test_two_seats_that_stay_take_twelve_trials(slurm: RealSlurm, tmp_path: Path) -> None:
    project = Project(tmp_path / "project", n_trials=12, epoch_s=0.2)
    source = (project.folder / "search.py").read_text()
    settings = '"trials_per_job": "auto", "max_concurrent_jobs": 2, '
    text = source.replace('"max_concurrent_jobs": 8, ', settings)
    assert text != source
    note = '    Path("leave_at").write_text(os.environ["HPO_LEAVE_AT"])\n    for epoch in'
    text = text.replace("    for epoch in", note).replace(
        "import os, ", "from pathlib import Path\nimport os, "
    )
    (project.folder / "search.py").write_text(text)
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    project.require_all_once()
    events_end = time.time()
    events = map(json.loads, (project.output / "journal.jsonl").read_text().splitlines())
    jobs = Counter(event["job_id"] for event in events if event.get("event") == "LegClaimed")
    assert sum(jobs.values()) == 12
    left_s = float((project.folder / "leave_at").read_text()) - events_end
    assert 300 < left_s < 540  # of 10 min, of which the last one is for leaving
    assert len(jobs) == 2
    assert "goes on with trial" in done.stdout + done.stderr
    (log,) = project.output.glob("trials/trial_7/job_*.out")  # the log of the trial's job
    assert "trial 7 completed: validation_error=" in log.read_text()
    assert "fresh interpreter" not in log.read_text()
    # Nothing waits or runs for it any more, and no job failed.
    tag = json.loads((project.output / "campaign.json").read_text())["campaign"]
    states = slurm.run("sacct", "-X", "-n", "-P", "-S", "now-30minutes", "-o", "JobName%80,State")
    ended = {line.split("|")[1].split()[0] for line in states.splitlines() if tag in line}
    assert ended <= {"COMPLETED", "CANCELLED", "RUNNING", "COMPLETING"}
