"""A campaign that version 0.1.0 began is finished by this one, jobs in the queue included.

The folder in tests/data was written by 0.1.0 (commit e0f2586): trial 0 is complete, the job of
trial 1 was killed after a checkpoint, trials 2 to 4 are offered, an array waits in the queue, and
its manager was asked to leave. Only paths were replaced; the manager's lock and logs are left out.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from config_files import load_spec
from user_project import NO_SYNC, ROOT, TIMEOUT_S

from hpo.folder.files import Layout
from hpo.manager.opening import drift_problems

RECORDED = ROOT / "tests" / "data" / "begun_by_0_1_0"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The campaign's folder, as if it had been begun here."""
    root = tmp_path / "results"
    shutil.copytree(RECORDED, root)
    root.chmod(0o700)  # whatever the checkout made of it
    Layout(root).create()  # git keeps no empty folders
    paths = {"@HERE@": str(tmp_path), "@HPO@": str(ROOT), "@PYTHON@": sys.executable}
    for file in root.rglob("*"):
        if file.suffix in (".json", ".jsonl", ".sh"):
            text = file.read_text(encoding="utf-8")
            for mark, path in paths.items():
                text = text.replace(mark, path)
            file.write_text(text, encoding="utf-8")
    return root


def run(command: list[str], root: Path, **environment: str) -> str:
    """The command to its end; what it printed."""
    done = subprocess.run(
        command,
        cwd=root.parent,
        env=os.environ | NO_SYNC | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def results(root: Path) -> list[dict[str, Any]]:
    paths = (root / "results" / f"trial_{trial_id}.json" for trial_id in range(5))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def last_command(root: Path) -> list[str]:
    """What the user typed, as campaign.json has it."""
    command = json.loads((root / "campaign.json").read_text(encoding="utf-8"))["start"]["command"]
    program, *arguments = shlex.split(command)
    assert program == "hpo"
    return [sys.executable, "-m", "hpo", *arguments]


def test_it_is_finished_by_its_waiting_jobs_and_a_new_manager(root: Path) -> None:
    journal = root / "journal.jsonl"
    begun = journal.read_text(encoding="utf-8")
    script = str(root / "jobs" / "24_submission.sh")
    array = {"SLURM_ARRAY_JOB_ID": "24", "SLURM_ARRAY_TASK_ID": "0", "SLURM_JOB_ID": "25"}
    run(["bash", script], root, **array)
    local = [sys.executable, "-u", "-m", "hpo.worker", str(root)]
    run(local, root, HPO_JOB_ID="local-51df34-3")
    printed = run(last_command(root), root)

    assert "(resumed)" in printed
    found = results(root)
    assert [result["status"] for result in found] == ["completed"] * 5
    assert [found[i]["job_id"] for i in (0, 2, 3)] == ["local-51df34-1", "24_0", "local-51df34-3"]
    # Trial 1 went on from its checkpoint.
    assert [report["epoch"] for report in found[1]["reports"]] == list(range(1, 13))
    again = (root / "trials" / "trial_1" / "reports-a1.jsonl").read_text(encoding="utf-8")
    assert json.loads(again.splitlines()[0])["epoch"] == 3
    assert journal.read_text(encoding="utf-8").startswith(begun)


@pytest.mark.parametrize(
    ("objective", "is_same"),
    [
        ("hpo.config.digits_example:objective", True),
        ("hpo.examples.digits:objective", True),
        ("hpo.config.mlp_example:objective", False),
    ],
)
def test_the_former_name_of_its_objective_is_the_same_search(
    root: Path, objective: str, is_same: bool
) -> None:
    overrides = last_command(root)[last_command(root).index("--set") + 1 :]
    overrides = [*overrides, f"hpo.objective={objective}"]
    spec = load_spec("digits_example", overrides=overrides, output_dir=str(root))
    assert (drift_problems(spec) == []) is is_same
