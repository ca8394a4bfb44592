"""One node of the real SLURM breaks what it gets: it is named, left alone, and nothing is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from campaigns import Project
from conftest import RealSlurm

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.long]

BAD = "gpu2"


def change(project: Project, old: str, new: str) -> None:
    path = project.folder / "search.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def verdicts(project: Project) -> list[dict[str, Any]]:
    lines = (project.output / "journal.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [r for r in records if r.get("event") == "NodeQuarantined"]


def starts_on_the_bad_node(slurm: RealSlurm, project: Project, *, after: float) -> list[str]:
    """Jobs of the campaign that started there later than that."""
    tag = json.loads((project.output / "campaign.json").read_text())["campaign"]
    fields = "JobID%30,JobName%80,NodeList,Start"
    text = slurm.run("sacct", "-X", "-n", "-P", "-S", "now-30minutes", "-o", fields)
    rows = [line.split("|") for line in text.splitlines()]
    late = f"{_local(after)}"
    return [r[0] for r in rows if r[1].endswith(f".{tag}") and r[2] == BAD and r[3] > late]


def _local(time: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(time).isoformat(timespec="seconds")  # as sacct


def test_a_node_on_which_jobs_die_at_once_does_not_eat_the_campaign(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=24, epochs=3)
    line = f'[ "$SLURMD_NODENAME" = {BAD} ] && echo "cannot open the GPU" && exit 1'
    change(project, '"gpus": 1}', f'"gpus": 1, "env_setup": {[line]!r}}}')
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    project.require_all_once()
    (verdict,) = verdicts(project)
    assert verdict["node"] == BAD
    said = done.stdout + done.stderr
    assert f"node {BAD} is not used for 1 h" in said
    assert "cannot open the GPU" in said
    status = json.loads((project.output / "status.json").read_text())
    assert [entry["node"] for entry in status["quarantined"]] == [BAD]
    # One that started as the waiting jobs were told is no surprise.
    assert starts_on_the_bad_node(slurm, project, after=verdict["time"] + 3.0) == []


def test_trials_that_failed_on_a_bad_node_get_another_chance(
    slurm: RealSlurm, tmp_path: Path
) -> None:
    project = Project(tmp_path / "project", n_trials=24, epochs=3)
    broken = (
        f'\n    if os.environ["SLURMD_NODENAME"] == {BAD!r}: raise RuntimeError("CUDA error")'
        "\n    for epoch"
    )
    change(project, "\n    for epoch", broken)
    change(project, '"seed": 7', '"seed": 7, "max_initial_failures": 0')
    done = project.run()
    assert done.returncode == 0, done.stdout + done.stderr
    (verdict,) = verdicts(project)
    assert verdict["node"] == BAD
    assert "RuntimeError: CUDA error" in verdict["reason"]
    results = project.results()
    assert [r["status"] for r in results] == ["completed"] * 24
    assert max(r["attempt"] for r in results) == 1
    assert starts_on_the_bad_node(slurm, project, after=verdict["time"] + 3.0) == []
